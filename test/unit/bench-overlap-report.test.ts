import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../cli/allreduce/index.ts';
import { lowerBound, overlapTable, reportOverlap } from '../bench/overlap-report.ts';

const times = (step: number, compute: number, communicate: number) => ({
  ...{ step: [[step, step]], compute: [[compute]], communicate: [[communicate], [communicate]] },
});

test('a step is no shorter than its computing, nor than a forward pass and the communication after it', () => {
  assert.equal(lowerBound(3, 0.5), 3);
  assert.equal(lowerBound(3, 2.5), 3.5);
});

test('nothing is hidden when a step takes as long as both parts after one another', () => {
  const { hidden, hiddenOfPossible } = reportOverlap('x', times(5, 3, 2), 2);
  assert.deepEqual([hidden, hiddenOfPossible], [0, 0]);
});

test('all that could be hidden is hidden when the step is at its bound', () => {
  const { bound, linkBound, hidden, hiddenOfPossible } = reportOverlap('x', times(3.5, 3, 2.5), 1);
  assert.deepEqual([bound, linkBound], [3.5, 3]);
  assert.equal(hiddenOfPossible, 1);
  assert.equal(hidden, 0.8);
});

test('the table is in milliseconds and percent', () => {
  const report = reportOverlap('Lockstep', times(0.8, 0.6, 0.5), 0.4);
  assert.match(
    formatTable(...overlapTable([report])),
    /Lockstep \| +800 \| +600 \| +500 \| +700 \| +600 \| +60 % \| +75 % \|/,
  );
});
