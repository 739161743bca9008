import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

after(removeOutputs);

const job = join(repositoryRoot, 'test/support/jobs/overflowing.ts');

for (const more of [[], ['--eager'], ['--wire', 'bfloat16']]) {
  test(`steps without a finite loss are skipped by all workers alike: the same bits on 1, 2 and 4 ${more.join(' ')}`, async () => {
    const runs = [];
    for (const workers of ['1', '2', '4'])
      runs.push(await trainJson([job, '--replicas', '4', '--workers', workers, ...more]));
    const [one] = runs;
    for (const run of runs) {
      const { weightsSha256, loss, metrics, steps, skippedSteps, samples } = run;
      assert.deepEqual([weightsSha256, loss, metrics], [one?.weightsSha256, one?.loss, one?.metrics]);
      // Each epoch has 4 steps, of 12, 12, 12 and 4 samples; the broken sample is in one of them.
      assert.deepEqual([steps, skippedSteps], [12, 3]);
      assert.ok(samples >= 3 * 28 && samples <= 3 * 36, `${samples} samples`);
      assert.ok(Number.isFinite(loss) && Number.isFinite(metrics['meanAbsoluteError']));
    }
  });
}

test('the only replica skips as well', async () => {
  const skipping = await trainJson([job, '--replicas', '1', '--workers', '1']);
  assert.deepEqual([skipping.steps, skipping.skippedSteps], [12, 3]);
});
