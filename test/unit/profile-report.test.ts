import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpTime, OpTimes } from '../../worker/engine/index.ts';
import { chromeTrace } from '../../worker/inspect/chrome-trace.ts';
import { phaseMedians, reportGraph } from '../../worker/inspect/profile-report.ts';
import { median, type StepPhases } from '../../worker/inspect/step-phases.ts';

const op = (
  name: string,
  kind: string,
  layer: string | undefined,
  milliseconds: number,
  isGradient = false,
): OpTime => ({
  ...{ name, op: kind, layer, isGradient, milliseconds },
  startMilliseconds: 1,
});

const times: OpTimes = {
  ops: [
    op('step/conv/Conv2D_0', 'Conv2D', 'conv', 4),
    op('step/dense/MatMul_1', 'MatMul', 'dense', 1),
    op('step/Mul_2', 'Mul', undefined, 0.5),
    op('step/dense/gradient/MatMul_3', 'MatMul', 'dense', 2, true),
  ],
  wholeMilliseconds: 8,
  timedMilliseconds: 9,
  readingMilliseconds: 0.001,
};

test('ops are added up by kind, the slowest first, and by layer with both passes', () => {
  const report = reportGraph('Forward', times);
  assert.equal(report.sum, 7.5);
  assert.deepEqual(report.byOp, [
    { op: 'Conv2D', count: 1, milliseconds: 4 },
    { op: 'MatMul', count: 2, milliseconds: 3 },
    { op: 'Mul', count: 1, milliseconds: 0.5 },
  ]);
  assert.deepEqual(report.byLayer, [
    { layer: 'conv', forward: 4, backward: 0 },
    { layer: 'dense', forward: 1, backward: 2 },
    { layer: null, forward: 0.5, backward: 0 },
  ]);
});

const phases = (step: number, spent: number): StepPhases => ({
  ...{ step, startMilliseconds: 100 + step * 10, data: spent, forwardBackward: 2 * spent, apply: spent / 2 },
});

test('the first steps are no part of the medians', () => {
  const measured = [900, 700, 500, 4, 2, 6].map((spent, step) => phases(step, spent));
  assert.deepEqual(phaseMedians(measured), { data: 4, forwardBackward: 8, apply: 2 });
  assert.deepEqual(phaseMedians([phases(0, 4)]), { data: 4, forwardBackward: 8, apply: 2 });
});

test('a median of an even number of values is between the middle ones', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('the trace has each phase and each op in microseconds, an op in its layer’s row as well', () => {
  const { traceEvents } = JSON.parse(chromeTrace([phases(0, 3)], [{ title: 'Forward', times }])) as {
    traceEvents: { name: string; ph: string; pid: number; tid: number; ts: number; dur: number }[];
  };
  const spans = traceEvents.filter(({ ph }) => ph === 'X');
  assert.deepEqual(
    spans.filter(({ pid }) => pid === 1).map(({ name, ts, dur }) => [name, ts, dur]),
    [
      ['data', 0, 3000],
      ['forwardBackward', 3000, 6000],
      ['apply', 9000, 1500],
    ],
  );
  const convolution = spans.filter(({ name }) => name === 'Conv2D');
  assert.deepEqual(
    convolution.map(({ tid, dur }) => [tid, dur]),
    [
      [0, 4000],
      [1, 4000],
    ],
  );
});
