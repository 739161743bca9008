import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Ended, LockstepRun, outputs, type RunJson, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const small = join(repositoryRoot, 'test/support/jobs/small.ts');
/** 3 epochs of 3 steps, the last one short; batch norm, dropout, Adam and a validation. */
const job = [small, '--replicas', '6'];
let places = 0;
const fresh = (): string => join(outputs, `checkpoints${places++}`);
const names = (place: string): string[] => readdirSync(place).sort();

async function train(args: readonly string[]): Promise<Ended & { result: RunJson | null }> {
  const ended = await new LockstepRun(['train', ...args, '--json']).ended;
  const last = ended.stdout.trim().split('\n').at(-1) ?? '';
  return { ...ended, result: last === '' ? null : (JSON.parse(last) as RunJson) };
}

/** Trains until `steps` steps are done, as a run that stops there does; then to the end on other workers. */
async function inTwo(place: string, steps: number, [first, second]: readonly [number, number]): Promise<RunJson> {
  const args = [...job, '--checkpoint', place];
  await trainJson([...args, '--max-steps', String(steps), '--workers', String(first)]);
  return trainJson([...args, '--workers', String(second)]);
}

const steady = (result: RunJson) => {
  const { weightsSha256, steps, samples, epochs, loss, metrics, validation, history } = result;
  const measured = history.map(({ seconds: _, ...epoch }) => epoch);
  return { weightsSha256, steps, samples, epochs, loss, metrics, validation, tested: result.test, measured };
};

describe('a run that was stopped', () => {
  let undisturbed: RunJson;
  before(async () => {
    undisturbed = await trainJson([...job, '--workers', '2']);
  });

  test('goes on in the middle of an epoch and at its end, on fewer or more workers, with the same bits and history', async () => {
    for (const [steps, workers] of [
      [1, [1, 2]],
      [3, [3, 1]],
      [5, [2, 3]],
    ] as const) {
      const result = await inTwo(fresh(), steps, workers);
      assert.deepEqual(steady(result), steady(undisturbed), `after step ${steps}`);
    }
  });

  test('writes what it was told to, keeps what it was told to, and says where it goes on', async () => {
    const place = fresh();
    const every = ['--checkpoint-every', '1steps', '--checkpoint-keep', '2', '--checkpoint-best', 'val_loss'];
    const flags = ['--checkpoint', place, ...every];
    const first = await train([...job, ...flags, '--max-steps', '6', '--workers', '2']);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.result?.resumeFrom, join(place, 'step-000000006'));
    // Steps of a millisecond come faster than checkpoints are written: some are skipped, but never the last.
    assert.equal(names(place).at(-1), 'step-000000006');
    assert.ok(names(place).length <= 3, `${names(place)}`);
    const second = await train([...job, ...flags]);
    assert.match(second.stderr, /going on after step 6, from .*step-000000006/);
    assert.deepEqual(steady(second.result as RunJson), steady(undisturbed));
    assert.equal(names(place).at(-1), 'step-000000009');
    for (const [index, { validation }] of undisturbed.history.entries()) {
      const name = `step-00000000${3 * (index + 1)}`;
      if (!names(place).includes(name)) continue;
      const { measured } = JSON.parse(readFileSync(join(place, name, 'manifest.json'), 'utf8'));
      assert.equal(
        measured.val_loss ?? validation?.loss,
        validation?.loss,
        'what an epoch came to is noted when it is known',
      );
    }
    const again = await train([...job, ...flags]);
    assert.deepEqual(steady(again.result as RunJson), steady(undisturbed), 'a run that is complete trains no more');
  });

  test('by a single replica, which never waits for anyone, writes checkpoints all along', async () => {
    const place = fresh();
    const flags = [
      '--checkpoint',
      place,
      '--checkpoint-every',
      '100steps',
      '--checkpoint-keep',
      '99',
      '--epochs',
      '500',
    ];
    const { stderr } = await train([small, '--replicas', '1', ...flags]);
    // 15 in all; the first one waits for the thread to start.
    assert.ok(names(place).length >= 5, `${names(place)}\n${stderr}`);
  });

  test('by SIGTERM in a step writes a checkpoint, says how to go on, ends with exit code 3, and goes on exactly', async () => {
    const place = fresh();
    const args = [...job, '--epochs', '60', '--checkpoint', place, '--checkpoint-every', '1000steps'];
    const whole = await trainJson([...job, '--epochs', '60', '--workers', '2']);
    const run = new LockstepRun(['train', ...args, '--workers', '2', '--json']);
    await run.stderrMatches(/epoch 2\/60:/);
    run.signal('SIGTERM');
    const ended = await run.ended;
    assert.equal(ended.code, 3, ended.stderr);
    assert.match(ended.stderr, /the same command goes on from .*step-\d+/);
    const { steps, drained } = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as RunJson;
    assert.ok(drained && steps < 180);
    assert.deepEqual(names(place), [`step-${String(steps).padStart(9, '0')}`]);
    const result = await trainJson([...args, '--workers', '3']);
    assert.equal(result.weightsSha256, whole.weightsSha256);
    assert.equal(result.steps, 180);
  });

  test('by SIGTERM to one worker ends all after the same step, with a checkpoint', async () => {
    const place = fresh();
    const args = [...job, '--epochs', '60', '--checkpoint', place, '--checkpoint-every', '1000steps', '--workers', '2'];
    const run = new LockstepRun(['train', ...args]);
    await run.stderrMatches(/epoch 2\/60:/);
    const [, worker] = run.children().workers;
    assert.ok(worker !== undefined);
    process.kill(worker, 'SIGTERM');
    const ended = await run.ended;
    assert.equal(ended.code, 3, ended.stderr);
    assert.equal(names(place).length, 1);
  });

  test('by SIGKILL of everything goes on from the last checkpoint, again and again, with the same bits', async () => {
    const place = fresh();
    const long = [...job, '--epochs', '40', '--engine', 'cpu'];
    const args = [...long, '--checkpoint', place, '--checkpoint-every', '7steps'];
    const whole = await trainJson([...long, '--workers', '2']);
    for (const [count, workers] of [1, 3, 2].entries()) {
      const run = new LockstepRun(['train', ...args, '--workers', String(workers)]);
      await run.stderrMatches(new RegExp(`epoch ${8 * count + 4}/40:`));
      for (const pid of [run.pid, ...run.descendants()]) process.kill(pid, 'SIGKILL');
      const ended = await run.ended;
      if (count > 0) assert.match(ended.stderr, /going on after step \d+/);
    }
    const result = await trainJson([...args, '--workers', '2']);
    assert.equal(result.weightsSha256, whole.weightsSha256);
    assert.equal(result.history.length, 40);
  });
});

describe('what a run goes on from', () => {
  const job = [small, '--replicas', '6', '--engine', 'cpu'];
  let place: string;
  before(async () => {
    place = fresh();
    // The last step of a run always has one.
    for (const steps of ['2', '3']) await trainJson([...job, '--checkpoint', place, '--max-steps', steps]);
  });

  test('is refused by name where it is torn, and the one before it is used', async () => {
    const whole = await trainJson([...job, '--max-steps', '4']);
    const weights = join(place, 'step-000000003', 'weights-1of1.safetensors');
    const bytes = readFileSync(weights);
    truncateSync(weights, statSync(weights).size - 1);
    const result = await train([...job, '--checkpoint', place, '--max-steps', '4', '--workers', '2']);
    assert.match(result.stderr, /step-000000003\/weights-1of1\.safetensors has \d+ bytes; expected \d+: torn/);
    assert.match(result.stderr, /going on after step 2/);
    assert.equal(result.result?.weightsSha256, whole.weightsSha256);
    writeFileSync(weights, bytes);
  });

  test('must be of the same run: the difference is named', async () => {
    for (const [flags, difference] of [
      [['--seed', '8'], /seed is 8, but 7 there/],
      [['--batch-size', '24'], /samples per step is 24, but 36 there/],
      [['--accumulate', '2'], /samples per step is 72, but 36 there/],
      [['--resume', 'off'], /--resume off: .* holds checkpoints of another run/],
      [['--resume', join(place, 'step-000000777')], /step-000000777\/manifest\.json does not exist/],
    ] as const) {
      const { code, stderr } = await train([...job, '--checkpoint', place, ...flags]);
      assert.notEqual(code, 0);
      assert.match(stderr, difference);
    }
    const other = await train([small, '--replicas', '3', '--engine', 'cpu', '--checkpoint', place]);
    assert.match(other.stderr, /checkpoint\/mismatch: .*replicas is 3, but 6 there/);
    const recurrent = join(repositoryRoot, 'test/support/jobs/recurrent.ts');
    const model = await train([recurrent, '--replicas', '6', '--engine', 'cpu', '--checkpoint', place]);
    assert.match(model.stderr, /checkpoint\/mismatch: .*parameters is \d+, but \d+ there/);
  });

  test('can be one checkpoint of another place, without writing any', async () => {
    const { stderr, result } = await train([...job, '--resume', join(place, 'step-000000002'), '--max-steps', '3']);
    assert.match(stderr, /going on after step 2/);
    assert.equal(result?.weightsSha256, (await trainJson([...job, '--max-steps', '3'])).weightsSha256);
  });
});
