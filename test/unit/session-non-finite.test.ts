import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../../shared/job/index.ts';
import { NonFiniteGuard } from '../../worker/session/non-finite.ts';
import { thrown } from '../support/thrown.ts';

const plan = { samples: 10, globalBatchSize: 4, replicas: 2, seed: 0, shuffle: false };
const batch: Batch = { rows: 2, realRows: 2, inputs: [], targets: [], weights: new Float32Array(2) };

function guard(policy: 'stop' | 'skip', losses: readonly number[]) {
  const warnings: string[] = [];
  const log = { warn: (message: string) => void warnings.push(message) } as never;
  const trainer = { metricWidth: 1, sampleLosses: () => Float32Array.from(losses) };
  return { guard: new NonFiniteGuard({ policy, trainer, plan, log }), warnings };
}

function contribution(loss: number, ...gradients: number[]) {
  return { gradients: [Float32Array.from(gradients)], statistics: new Float32Array([loss, Number.NaN]) };
}

const message = (losses: readonly number[]): string =>
  thrown('engine/non-finite', () => guard('stop', losses).guard.checkReplica(Number.NaN, 1, 1, batch)).message;

test('a loss that is not finite names the replica’s samples that have one, whether all, some or none', () => {
  assert.match(
    message([1, Number.NaN]),
    /loss of step 1 is NaN on replica 1: of its 2 samples these have such a loss: 7;/,
  );
  assert.match(message([Number.NaN, Infinity]), /all of its samples \(6, 7\) have such a loss, so training diverged/);
  assert.match(message([1, 2]), /none of its samples \(6, 7\) has such a loss in evaluation, so it came from dropout/);
  guard('stop', []).guard.checkReplica(0.5, 1, 1, batch);
});

test('what is computed in one names its samples, and other errors pass', () => {
  const { guard: own } = guard('stop', [Number.NaN, 1]);
  const fail = (error: Error) => () =>
    own.explaining(0, batch, () => {
      throw error;
    });
  const found = thrown('engine/non-finite', () => guard('stop', []).guard.checkReplica(Number.NaN, 0, 0, batch));
  assert.match(thrown('engine/non-finite', fail(found)).message, /these have such a loss: 0;/);
  assert.throws(fail(new Error('else')), /^Error: else$/);
  assert.equal(
    own.explaining(0, batch, () => 3),
    3,
  );
});

test('to skip, a step is left out for its loss or its gradients, with a warning by the replica’s worker', () => {
  const { guard: own, warnings } = guard('skip', [1, Number.NaN]);
  assert.equal(own.allowsWholeSteps, false);
  own.checkReplica(Number.NaN, 1, 1, batch);
  assert.match(warnings.join(), /these have such a loss: 7; .*this step changes no weights/);
  assert.equal(own.admits(contribution(1, 2, 3), 0), true);
  assert.equal(own.admits(contribution(Number.NaN, 2, 3), 1), false);
  assert.equal(own.admits(contribution(1, 2, Infinity), 2), false);
  const movingVariance = { gradients: [], statistics: new Float32Array([1, 1, Infinity]) };
  assert.equal(own.admits(movingVariance, 2), false);
  const rounded = (bits: number) => ({ gradients: [new Uint16Array([0x3f80, bits])], statistics: new Float32Array(1) });
  assert.deepEqual(
    [0x7f80, 0xffc0, 0x7f7f, 0x8000].map((bits) => own.admits(rounded(bits), 3)),
    [false, false, true, true],
  );
});

test('ten steps in a row may be skipped, not more', () => {
  const { guard: own } = guard('skip', []);
  const broken = contribution(Number.NaN);
  for (let step = 0; step < 10; step++) assert.equal(own.admits(broken, step), false);
  assert.equal(own.admits(contribution(1), 10), true);
  for (let step = 11; step < 21; step++) own.admits(broken, step);
  assert.match(thrown('engine/non-finite', () => own.admits(broken, 21)).message, /11 steps in a row, up to step 21,/);
});
