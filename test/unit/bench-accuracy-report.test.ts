import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../cli/allreduce/index.ts';
import { readAccuracyOptions } from '../bench/accuracy-benchmark.ts';
import { accuracyTable, reportAccuracy } from '../bench/accuracy-report.ts';

const run = (seed: number, accuracy: number, wallSeconds: number) => ({ seed, accuracy, wallSeconds, trainSeconds: 1 });
const work = { workload: 'reuters', samples: 100, epochs: 2 } as const;

test('means over seeds are compared in points of accuracy and as a ratio of wall times', () => {
  const lockstep = [run(1, 0.9, 10), run(2, 0.92, 12)];
  const report = reportAccuracy({ ...work, lockstep, keras: [run(1, 0.92, 20), run(2, 0.92, 24)] });
  assert.ok(Math.abs((report.points ?? 0) + 1) < 1e-9);
  assert.ok(Math.abs((report.ofKerasWall ?? 0) - 0.5) < 1e-9);
  assert.equal(report.goalsMet, true);
  const table = formatTable(...accuracyTable([report]));
  assert.match(table, /reuters \| +1 \| +90\.00 % \| 92\.00 % \| +−2\.00 \|/);
  assert.match(table, /mean \| +91\.00 % \| 92\.00 % \| −1\.00 \(≤ 1\.5\) .* 0\.50 \(< 1\) .* yes \|/);
});

test('a goal is missed by accuracy or by time', () => {
  const goalsMet = (accuracy: number, seconds: number) =>
    reportAccuracy({ ...work, lockstep: [run(1, accuracy, seconds)], keras: [run(1, 0.9, 10)] }).goalsMet;
  assert.deepEqual(
    [goalsMet(0.89, 9), goalsMet(0.88, 9), goalsMet(0.92, 9), goalsMet(0.9, 10)],
    [true, false, false, false],
  );
});

test('without Keras there are figures and no verdict', () => {
  const report = reportAccuracy({ ...work, lockstep: [run(1, 0.9, 10)], keras: [] });
  assert.deepEqual([report.points, report.ofKerasWall, report.goalsMet], [null, null, null]);
  assert.match(formatTable(...accuracyTable([report])), /mean \| +90\.00 % \| +– \|/);
});

test('wrong flags are refused before anything is trained', () => {
  const flags = { workloads: 'reuters', data: '/none', epochs: '1', seeds: '1', json: false };
  assert.throws(() => readAccuracyOptions(flags), { code: 'data/missing' });
  assert.throws(() => readAccuracyOptions({ ...flags, workloads: 'imdb' }), { code: 'config/invalid' });
  assert.throws(() => readAccuracyOptions({ ...flags, workloads: '', epochs: '0' }), { code: 'config/invalid' });
});
