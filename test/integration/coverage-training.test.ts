import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { proving } from '../support/coverage-record.ts';
import { type CoverageKind, coverageRows } from '../support/coverage-rows.ts';
import { openEngine } from '../support/engine-fixtures.ts';
import { LockstepRun, type RunJson, removeOutputs, trainJson } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

const { skip } = await openEngine('tensorflow');
after(removeOutputs);

/** Float32 sums in another order, over four steps. */
const TOLERANCE = 1e-4;

/** Compiled, of the modules that this test imports too. */
const program = join(repositoryRoot, 'dist/test/support/jobs/coverage-loop.js');
const metricsJob = join(repositoryRoot, 'test/support/jobs/coverage-metrics.ts');

/** Each in processes of its own. */
const runs = {
  one: ['--workers', '1'],
  two: ['--workers', '2'],
  three: ['--workers', '3'],
  eager: ['--workers', '1', '--eager'],
} as const;
type RunName = keyof typeof runs;

interface Trained {
  readonly kind: CoverageKind;
  readonly row: string;
  readonly losses: readonly number[];
  readonly weights: string;
  readonly error?: string;
}

const trained = new Map<RunName, ReadonlyMap<string, Trained>>();
const measured = new Map<RunName, RunJson>();

before(async () => {
  if (skip !== false) return;
  for (const [name, args] of Object.entries(runs) as [RunName, readonly string[]][]) {
    const { code, stdout, stderr } = await new LockstepRun(['run', program, '--replicas', '3', ...args]).ended;
    assert.equal(code, 0, stderr);
    const rows = [...`${stdout}\n${stderr}`.matchAll(/ROW (\{.*\})/g)].map(
      ([, text = '']) => JSON.parse(text) as Trained,
    );
    trained.set(name, new Map(rows.map((row) => [`${row.kind} ${row.row}`, row])));
    measured.set(name, await trainJson([metricsJob, '--replicas', '3', ...args]));
  }
});

for (const kind of ['layers', 'activations', 'optimizers', 'losses'] as const) {
  for (const row of coverageRows[kind]) {
    test(`${kind}: ${row} trains, with the same bits on 1, 2 and 3 workers, and as op by op`, { skip }, async () => {
      const of = (name: RunName): Trained => {
        const found = trained.get(name)?.get(`${kind} ${row}`) ?? assert.fail(`the run ${name} has no such row`);
        assert.equal(found.error, undefined, `in the run ${name}`);
        return found;
      };
      const rows = [{ kind, row }];
      const one = await proving(rows, 'one', () => {
        const found = of('one');
        assert.equal(found.losses.length, 4);
        assert.ok(found.losses.every(Number.isFinite), String(found.losses));
        return found;
      });
      await proving(rows, 'many', () => {
        for (const name of ['two', 'three'] as const) assert.deepEqual(of(name), one);
      });
      await proving(rows, 'compiled', () => assertClose(one.losses, of('eager').losses));
    });
  }
}

for (const row of coverageRows.metrics) {
  test(`metrics: ${row} has the same value on 1, 2 and 3 workers, and as op by op`, { skip }, async () => {
    const of = (name: RunName): number[] => {
      const run = measured.get(name) ?? assert.fail(`no run ${name}`);
      return [run.metrics, run.test ?? {}].flatMap((values) => {
        const [, value] = Object.entries(values).find(([metric]) => metric.endsWith(`_${row}`)) ?? assert.fail(row);
        return [value].flat(2) as number[];
      });
    };
    const rows = [{ kind: 'metrics' as const, row }];
    const one = await proving(rows, 'one', () => of('one'));
    await proving(rows, 'many', () => {
      for (const name of ['two', 'three'] as const) assert.deepEqual(of(name), one);
    });
    await proving(rows, 'compiled', () => assertClose(one, of('eager')));
  });
}

function assertClose(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [index, value] of expected.entries()) {
    const found = actual[index] ?? Number.NaN;
    const distance = Math.abs(found - value) / Math.max(1, Math.abs(value));
    assert.ok(distance <= TOLERANCE, `${found} instead of ${value}`);
  }
}
