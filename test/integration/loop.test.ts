import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from '../../index.ts';
import { loadModel } from '../../worker/checkpoint/index.ts';
import { proving } from '../support/coverage-record.ts';
import { rowsOfExample } from '../support/coverage-rows.ts';
import { type Ended, LockstepRun, outputs, type RunJson, removeOutputs } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const cpu = ['--engine', 'cpu', '--eager'];

interface Ran {
  readonly out: string;
  readonly ended: Ended;
}

async function run(file: string, args: readonly string[]): Promise<Ran> {
  const started = new LockstepRun(['run', file, ...args]);
  return { out: started.out, ended: await started.ended };
}

function program(name: string, body: string): string {
  const file = join(outputs, `${name}.ts`);
  writeFileSync(file, `import { connect, datasets, tf } from 'lockstep';\n${body}`);
  return file;
}

describe('a loop over a model class of its own', () => {
  const example = join(repositoryRoot, 'examples/own-loop.ts');
  const results = new Map<number, { ran: Ran; result: RunJson; test: string }>();
  before(async () => {
    for (const workers of [1, 2, 3]) {
      const ran = await run(example, ['--workers', String(workers), '--replicas', '4', '--json']);
      assert.equal(ran.ended.code, 0, ran.ended.stderr);
      const result = JSON.parse(ran.ended.stdout.trim().split('\n').at(-1) ?? '') as RunJson;
      const test = /test loss .*/.exec(ran.ended.stdout + ran.ended.stderr)?.[0] ?? '';
      results.set(workers, { ran, result, test });
    }
  });

  test('has the same bits, epochs and test results on 1, 2 and 3 workers', () =>
    proving(rowsOfExample('own-loop'), 'many', () => {
      const [one, ...others] = [...results.values()];
      const measured = (result?: RunJson) => result?.history.map(({ seconds: _, ...epoch }) => epoch);
      for (const other of others) {
        assert.equal(other.result.weightsSha256, one?.result.weightsSha256);
        assert.equal(other.test, one?.test);
        assert.deepEqual(measured(other.result), measured(one?.result));
      }
    }));

  test('learns', () =>
    proving(rowsOfExample('own-loop'), 'one', () => {
      const { result } = results.get(1) ?? assert.fail();
      assert.ok((result.history[2]?.loss ?? 9) < (result.history[0]?.loss ?? 0));
    }));

  test('tells progress by epochs as a job does', () => {
    const { result, ran, test } = results.get(2) ?? assert.fail();
    assert.equal(result.history.length, 3);
    assert.match(ran.ended.stderr, /own-loop\.ts: 10,178 parameters, 1,000 samples in batches of 32, 2 workers/);
    assert.match(ran.ended.stderr, /epoch 3\/3: 32 steps in .*accuracy/);
    assert.match(test, /^test loss \d\.\d{4} accuracy 0\.\d{4}$/);
  });

  test('saves its variables under their names', async () => {
    const { result, ran } = results.get(2) ?? assert.fail();
    assert.equal(result.checkpoint, join(ran.out, 'model'));
    const saved = await loadModel(result.checkpoint);
    assert.deepEqual(
      saved.weights.map(({ name, shape }) => `${name} ${shape}`),
      ['kernel 5,5,3,8', 'hidden 288,32', 'hiddenBias 32', 'output 32,10', 'outputBias 10'],
    );
    assert.equal(saved.weightsSha256, result.weightsSha256);
  });
});

test('collective calls give all workers the same, and per replica the same bits for any worker count', async () => {
  const file = join(repositoryRoot, 'test/support/jobs/collectives-loop.ts');
  const found = [];
  for (const workers of [1, 2, 3]) {
    const { ended } = await run(file, ['--workers', String(workers), '--replicas', '3', ...cpu]);
    assert.equal(ended.code, 0, ended.stderr);
    const text = /RESULT (.*)/.exec(ended.stdout + ended.stderr)?.[1] ?? assert.fail(ended.stderr);
    const { bits, ...rest } = JSON.parse(text);
    found.push(bits);
    assert.equal(rest.workers, workers);
    assert.deepEqual(rest.told, { words: ['from', 'rank'], rank: 1 % workers, zero: 0 });
    assert.deepEqual(rest.values, ['1.5', '-0', 'NaN']);
    assert.deepEqual(
      rest.lengths,
      Array.from({ length: workers }, (_, rank) => [rank, rank * 1001]),
    );
    // Every sample once in each epoch, and another order in the second.
    const ordered = rest.positions.map((epoch: number[]) => [...epoch].sort((a, b) => a - b));
    const all = Array.from({ length: 23 }, (_, index) => index);
    assert.deepEqual(ordered, [all, all]);
    assert.notDeepEqual(rest.positions[0], rest.positions[1]);
    assert.equal(rest.steps, 8);
  }
  assert.equal(found[1], found[0]);
  assert.equal(found[2], found[0]);
});

describe('what goes wrong in a loop', () => {
  const failing = async (name: string, body: string): Promise<string> => {
    const { ended } = await run(program(name, body), ['--workers', '2', ...cpu]);
    assert.equal(ended.code, 1, ended.stderr);
    return ended.stderr;
  };

  test('a call on one worker alone is named, not waited for', async () => {
    const stderr = await failing('one-alone', 'const s = await connect();\nif (s.rank === 0) await s.barrier();');
    assert.match(stderr, /run\/diverged: rank \d called (barrier|the end of the program) as call 1 of the loop/);
  });

  test('a program that throws is shown with its own words', async () => {
    const stderr = await failing('throws', "await connect();\nthrow new Error('the tokenizer is missing');");
    assert.match(stderr, /job\/threw: .*throws\.ts threw: the tokenizer is missing/);
  });

  test('a program that never connects is told so', async () => {
    assert.match(await failing('never', 'export {};'), /ended without calling connect\(\)/);
  });

  test('other starting values on other workers are refused', async () => {
    const stderr = await failing(
      'other-start',
      `const s = await connect();
       const data = datasets.arrays({ inputs: { values: new Float32Array(8), shape: [1] }, targets: { values: new Float32Array(8), shape: [1] } });
       const batches = await s.batches(data, { batchSize: 4 });
       const weight = tf.variable(tf.scalar(s.rank));
       await s.compile(batches, { variables: { weight }, optimizer: 'sgd', step: ([x]) => ({ loss: tf.mul(x!, weight) }) });`,
    );
    assert.match(stderr, /job\/mismatch: the variables of rank 1 start from other values/);
  });

  test('a step that gives one number for the batch is refused', async () => {
    const stderr = await failing(
      'no-samples',
      `const s = await connect();
       const data = datasets.arrays({ inputs: { values: new Float32Array(8), shape: [1] }, targets: { values: new Float32Array(8), shape: [1] } });
       const batches = await s.batches(data, { batchSize: 4 });
       const weight = tf.variable(tf.scalar(1));
       await s.compile(batches, { variables: { weight }, optimizer: 'sgd', step: ([x]) => ({ loss: tf.mean(tf.mul(x!, weight)) }) });`,
    );
    assert.match(stderr, /job\/invalid: the step’s loss must be a tensor with a value for each of 3 samples/);
  });

  test('connect() outside of a run says how to start one', async () => {
    await assert.rejects(connect(), { code: 'job/invalid', message: /lockstep run loop\.ts --workers 2/ });
  });
});

test('Ctrl-C sets shouldStop on all workers in the same call, and what they save is there', async () => {
  const file = program(
    'stops',
    `import { writeFileSync } from 'node:fs';
     const s = await connect();
     let calls = 0;
     while (!s.shouldStop) {
       await s.allReduce(1);
       if (++calls === 3) console.error('going on');
     }
     const all = await s.allGather(calls);
     if (s.rank === 0) writeFileSync(s.out + '/calls.json', JSON.stringify(all));`,
  );
  const started = new LockstepRun(['run', file, '--workers', '2', ...cpu]);
  await started.stderrMatches(/going on/);
  started.signal('SIGINT');
  const { code, stderr } = await started.ended;
  assert.equal(code, 130, stderr);
  const calls = JSON.parse(readFileSync(join(started.out, 'calls.json'), 'utf8'));
  assert.equal(calls.length, 2);
  assert.equal(calls[0], calls[1]);
});

test('a model of layers trains in a loop as it does in a job, goes on from what was saved, and gives its weights back', async () => {
  const file = program(
    'layers',
    `const s = await connect();
     const pictures = datasets.glyphs({ samples: 64, seed: 1, height: 8 }).scale(1 / 255).oneHot(10);
     const batches = await s.batches(pictures, { batchSize: 16, epochs: 2 });
     const make = () => tf.sequential({ layers: [tf.layers.flatten({ inputShape: [8, 8, 3] }), tf.layers.dense({ units: 10, activation: 'softmax' })] });
     const step = await s.compile(batches, { model: make(), loss: 'categoricalCrossentropy', metrics: ['accuracy'], optimizer: 'adam' });
     for await (const batch of batches.epoch(0)) s.report(await step.train(batch));
     await s.save(step, 'first');
     const before = step.readWeights().map(({ values }) => values.join());
     for await (const batch of batches.epoch(1)) s.report(await step.train(batch));
     const later = step.readWeights().map(({ values }) => values.join());
     await step.load(s.out + '/first');
     const loaded = step.readWeights().map(({ values }) => values.join());
     if (s.rank === 1) console.log('RESULT', before.join() === loaded.join(), before.join() === later.join());`,
  );
  const { ended, out } = await run(file, ['--workers', '2']);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout + ended.stderr, /RESULT true false/);
  assert.ok(existsSync(join(out, 'first', 'model.json')));
});

test('a variable that a step assigns is averaged over samples: the same bits on 1 and 2 workers', async () => {
  const file = program(
    'moving',
    `const s = await connect();
     const inputs = { values: Float32Array.from({ length: 22 }, (_, index) => Math.sin(index)), shape: [2] };
     const batches = await s.batches(datasets.arrays({ inputs, targets: { values: new Float32Array(11), shape: [1] } }), { batchSize: 4, epochs: 3 });
     const variables = { weight: tf.variable(tf.ones([2, 1])), mean: tf.variable(tf.zeros([2]), false) };
     const step = await s.compile(batches, {
       variables, optimizer: 'sgd',
       step: ([x], _targets, training) => {
         if (training) variables.mean.assign(tf.add(tf.mul(variables.mean, 0.9), tf.mul(tf.mean(x!, 0), 0.1)));
         return { loss: tf.square(tf.matMul(tf.sub(x!, variables.mean), variables.weight)) };
       },
     });
     for await (const batch of batches) s.report(await step.train(batch));
     step.syncVariables();
     if (s.rank === 0) console.log('RESULT', [...variables.weight.dataSync()].join(), [...variables.mean.dataSync()].join());`,
  );
  const texts = [];
  for (const workers of ['1', '2']) {
    const { ended } = await run(file, ['--workers', workers, '--replicas', '2']);
    assert.equal(ended.code, 0, ended.stderr);
    texts.push(/RESULT (.*)/.exec(ended.stdout + ended.stderr)?.[1]);
  }
  assert.equal(texts[0], texts[1]);
  assert.doesNotMatch(texts[0] ?? '', / 0,0$/);
});
