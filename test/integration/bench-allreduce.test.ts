import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isAlive, LockstepRun, lockstep, removeOutputs } from '../support/lockstep-run.ts';

after(removeOutputs);

interface Measured {
  readonly benchmark: string;
  readonly sizes: readonly {
    readonly workers: number;
    readonly bytes: number;
    readonly lockstep: Readonly<Record<'seconds' | 'busGigabytesPerSecond' | 'cpuSecondsPerGigabyte', number>>;
  }[];
}

test('lockstep bench allreduce reduces on real processes and tells each size’s figures as JSON', async () => {
  const line = ['bench', 'allreduce', '--workers', '2', '--bytes', '1MB,64KiB', '--rounds', '1', '--json'];
  const { code, stdout, stderr } = await lockstep(line);
  assert.equal(code, 0, stderr);
  const { benchmark, sizes } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measured;
  assert.equal(benchmark, 'allreduce');
  assert.deepEqual(
    sizes.map(({ workers, bytes }) => [workers, bytes]),
    [
      [2, 1_000_000],
      [2, 65_536],
    ],
  );
  for (const { bytes, lockstep: figures } of sizes) {
    assert.ok(figures.seconds > 0 && figures.cpuSecondsPerGigabyte > 0);
    // Two workers: the bus bandwidth is bytes ÷ time.
    assert.ok(Math.abs(figures.busGigabytesPerSecond * figures.seconds * 1e9 - bytes) < 1);
  }
  assert.match(stderr, /2 workers, 1 MB: round 1 of 1/);
});

test('Ctrl-C ends the benchmark and every process of it', async () => {
  const run = new LockstepRun(['bench', 'allreduce', '--workers', '2', '--bytes', '4MB', '--rounds', '1000']);
  await run.stderrMatches(/round 1 of/);
  const children = run.descendants();
  assert.ok(children.length >= 3, `a coordinator and two ranks, not ${children.length} processes`);
  run.signal('SIGINT');
  const { code, stderr } = await run.ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /run\/interrupted/);
  assert.deepEqual(children.filter(isAlive), []);
});

test('a benchmark that nobody knows is bad usage and names the one that is near', async () => {
  const { code, stderr } = await lockstep(['bench', 'alreduce']);
  assert.equal(code, 2);
  assert.match(stderr, /unknown command alreduce; did you mean allreduce\?/);
});
