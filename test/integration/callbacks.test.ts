import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadModel } from '../../worker/checkpoint/index.ts';
import { type Ended, LockstepRun, outputs, type RunJson, removeOutputs } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const job = join(repositoryRoot, 'test/support/jobs/callbacks.ts');

interface Trained {
  readonly out: string;
  readonly ended: Ended;
  readonly result: RunJson;
}

async function train(workers: number): Promise<Trained> {
  const run = new LockstepRun(['train', job, '--replicas', '4', '--workers', String(workers), '--json']);
  const ended = await run.ended;
  assert.equal(ended.code, 0, ended.stderr);
  return { out: run.out, ended, result: JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as RunJson };
}

describe('a job with callbacks', () => {
  let one: Trained;
  let two: Trained;
  before(async () => {
    one = await train(1);
    two = await train(2);
  });

  test('stops early with the best weights, the same bits on 1 and 2 workers, and says why', () => {
    const { history, stopped, drained, steps, weightsSha256 } = one.result;
    assert.ok(history.length < 8, `all ${history.length} epochs were trained`);
    assert.equal(steps, history.length * 4);
    assert.match(stopped ?? '', /^val_loss did not improve for 2 epochs; its best was [\d.]+ in epoch \d+$/);
    assert.equal(drained, false);
    assert.match(one.ended.stderr, /learning rate 5 from epoch 3 on/);
    assert.equal(two.result.weightsSha256, weightsSha256);
    const measured = ({ result }: Trained) => result.history.map(({ seconds: _, ...epoch }) => epoch);
    assert.deepEqual(measured(two), measured(one));
  });

  test('saves the best epochs, and the run ends with the weights of the last of these', async () => {
    for (const { out, result } of [one, two]) {
      const saved = readdirSync(join(out, 'checkpoints')).sort();
      const losses = result.history.map(({ validation }) => validation?.loss ?? Number.NaN);
      const best = losses.indexOf(Math.min(...losses));
      assert.equal(saved.at(-1), `${String(best + 1).padStart(2, '0')}-${losses[best]?.toFixed(3)}`);
      const { weightsSha256 } = await loadModel(join(out, 'checkpoints', saved.at(-1) ?? ''));
      assert.equal(weightsSha256, result.weightsSha256);
    }
  });

  test('logs every epoch with the rate that it was trained with', () => {
    const lines = readFileSync(join(one.out, 'training.csv'), 'utf8').trimEnd().split('\n');
    assert.equal(lines[0], 'epoch,accuracy,learning_rate,loss,val_accuracy,val_loss');
    assert.equal(lines.length, one.result.history.length + 1);
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(',')[2]),
      one.result.history.map(({ epoch }) => (epoch < 3 ? '0.05' : '5')),
    );
  });

  test('calls its own callbacks once, not once per worker', () => {
    const calls = `${two.ended.stdout}${two.ended.stderr}`.match(/called by \d+ \w+/g) ?? [];
    assert.equal(new Set(calls.map((call) => call.split(' ')[2])).size, 1);
    assert.equal(calls.filter((call) => call.endsWith('begin')).length, 1);
    assert.equal(calls.filter((call) => call.endsWith('end')).length, 1);
    assert.equal(calls.filter((call) => call.endsWith('batch')).length, two.result.steps);
  });
});

async function failing(callbacks: string): Promise<string> {
  const file = join(outputs, `failing-${Math.random()}.ts`);
  writeFileSync(
    file,
    `import { callbacks, datasets, defineJob, tf } from 'lockstep';
     export default defineJob({
       model: () => tf.sequential({ layers: [tf.layers.flatten({ inputShape: [32, 32, 3] }), tf.layers.dense({ units: 10, activation: 'softmax' })] }),
       optimizer: 'sgd', loss: 'categoricalCrossentropy', data: { train: datasets.glyphs({ samples: 64, seed: 1 }).oneHot(10) },
       epochs: 2, callbacks: ${callbacks},
     });`,
  );
  const { code, stderr } = await new LockstepRun(['train', file, '--workers', '2']).ended;
  assert.equal(code, 1, stderr);
  return stderr;
}

test('a monitor of what is not measured is refused before the first step', async () => {
  const stderr = await failing(`[callbacks.earlyStopping({ monitor: 'val_loss' })]`);
  assert.match(
    stderr,
    /earlyStopping monitors val_loss, which this run does not measure \(the job has no data\.validation\)\. .*Measured: loss, learning_rate/,
  );
  assert.doesNotMatch(stderr, /epoch 1\/2/);
});

test('a callback that throws ends the run with its own words', async () => {
  const stderr = await failing(`[{ onEpochEnd() { throw new Error('the disk of the logbook is full'); } }]`);
  assert.match(stderr, /job\/threw: .*onEpochEnd of callbacks\[0\]: the disk of the logbook is full/);
});
