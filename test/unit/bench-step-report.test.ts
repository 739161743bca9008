import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figures, formatFirstSteps, formatReports, reportWorkload } from '../bench/step-report.ts';
import type { Workload } from '../bench/workloads.ts';

const workload: Workload = { name: 'cnn', title: 'A CNN', goals: { ofBetterPeer: 0.85, overTfjsNode: 2 } };

test('medians and quartiles lie between the values around them', () => {
  assert.deepEqual(figures([4, 1, 3, 2]), { median: 2.5, quartiles: [1.75, 3.25], steps: 4 });
  assert.deepEqual(figures([7]), { median: 7, quartiles: [7, 7], steps: 1 });
});

test('ratios are those of medians, against the faster of the two peers', () => {
  const times = { lockstep: [8, 8, 80], 'tfjs-node': [24, 24, 24], keras: [10, 10, 10], pytorch: [12, 12, 1] };
  const report = reportWorkload(workload, times);
  assert.equal(report.betterPeer, 'keras');
  assert.equal(report.ofBetterPeer, 0.8);
  assert.equal(report.overTfjsNode, 3);
  assert.equal(report.isMet, true);
});

test('one goal missed is goals missed', () => {
  const times = { lockstep: [8], 'tfjs-node': [12], keras: [10] };
  assert.equal(reportWorkload(workload, times).isMet, false);
  assert.equal(reportWorkload(workload, { lockstep: [9], keras: [10] }).isMet, false);
});

test('what did not run is neither met nor missed', () => {
  const report = reportWorkload(workload, { lockstep: [8] });
  assert.deepEqual(
    [report.betterPeer, report.ofBetterPeer, report.overTfjsNode, report.isMet],
    [null, null, null, null],
  );
  assert.equal(reportWorkload(workload, { keras: [8] }).isMet, null);
});

test('the table has a line for each workload and says where nothing was measured', () => {
  const table = formatReports([reportWorkload(workload, { lockstep: [8], keras: [10] })], () => workload.title);
  const [head, rule, line, ...rest] = table.split('\n');
  assert.equal(rest.length, 0);
  assert.equal(new Set([head, rule, line].map((text) => text?.length)).size, 1, 'aligned');
  assert.match(line ?? '', /^\| A CNN +\| +8\.0 \| +– \| +10\.0 \| +– \| 0\.80 \(≤ 0\.85\) \| +– \| +yes \|$/);
});

test('a line tells what each library took until its first step was done', () => {
  const report = reportWorkload(workload, { lockstep: [8] }, { lockstep: 1234, keras: 2500 });
  assert.match(formatFirstSteps([report]), /in s: cnn lockstep 1\.23, keras 2\.50\.$/);
});
