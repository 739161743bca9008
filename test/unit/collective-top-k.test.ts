import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { at, LockstepError, splitEvenly } from '../../shared/core/index.ts';
import { TopK } from '../../worker/collective/index.ts';
import { keepLargest } from '../../worker/collective/top-k.ts';
import { sameBits } from '../support/reference-sum.ts';

/** What a sort says: the largest magnitudes, the first ones among equals. */
function largest(values: readonly number[], count: number): Set<number> {
  const order = values.map((_, index) => index);
  order.sort((a, b) => Math.abs(at(values, b)) - Math.abs(at(values, a)) || a - b);
  return new Set(order.slice(0, count));
}

const rows = fc.array(fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(0, -0, 1, -1, 0.5, 1e-40)), {
  minLength: 1,
  maxLength: 60,
});

test('the largest magnitudes are kept, the first ones among equals, and the rest is set aside bit by bit', () => {
  fc.assert(
    fc.property(rows, fc.nat(59), (row, more) => {
      const count = 1 + (more % row.length);
      const expected = largest([...Float32Array.from(row)], count);
      const values = Float32Array.from(row);
      const rest = new Float32Array(row.length);
      keepLargest(values, rest, count);
      sameBits(
        values,
        Float32Array.from(row, (value, index) => (expected.has(index) ? value : 0)),
      );
      sameBits(
        rest,
        Float32Array.from(row, (value, index) => (expected.has(index) ? 0 : value)),
      );
    }),
  );
});

test('a value that is not a number is sent first, so that it shows', () => {
  const values = Float32Array.of(1e30, Number.NaN, Number.POSITIVE_INFINITY, -3);
  keepLargest(values, new Float32Array(4), 1);
  assert.deepEqual([...values], [0, Number.NaN, 0, 0]);
});

test('what was sent and what is kept back add up to all gradients', () => {
  // Whole numbers: no sum of them is rounded.
  const gradients = fc.array(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 7, maxLength: 7 }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(gradients, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (steps, fraction) => {
      const feedback = new TopK(fraction, { start: 3, end: 4 }, [7]);
      const sent = new Float32Array(7);
      const all = new Float32Array(7);
      for (const step of steps) {
        const values = Float32Array.from(step);
        feedback.compress(3, 0, values);
        assert.ok(values.filter((value) => value !== 0).length <= Math.ceil(fraction * 7));
        for (let index = 0; index < 7; index++) {
          sent[index] = at(sent, index) + at(values, index);
          all[index] = at(all, index) + at(step, index);
        }
      }
      const kept = at(feedback.residuals().get(3) ?? [], 0);
      assert.deepEqual([...sent.map((value, index) => value + at(kept, index))], [...all]);
    }),
  );
});

const lengths = [40, 9];
const gradient = (step: number, replica: number, bucket: number): Float32Array =>
  Float32Array.from({ length: at(lengths, bucket) }, (_, index) =>
    Math.sin(step * 7 + replica * 31 + bucket * 3 + index * index),
  );

/** What is sent in some steps of `replicas`, in order. */
function sentBy(feedback: TopK, replicas: { start: number; end: number }, from: number, to: number): number[][] {
  const sent: number[][] = [];
  for (let step = from; step < to; step++) {
    for (let replica = replicas.start; replica < replicas.end; replica++) {
      for (const bucket of lengths.keys()) {
        const values = gradient(step, replica, bucket);
        feedback.compress(replica, bucket, values);
        sent.push([replica, bucket, ...values]);
      }
    }
  }
  return sent.sort((a, b) => at(a, 0) - at(b, 0));
}

test('training goes on from residuals with the same bits, also on another number of workers', () => {
  const all = { start: 0, end: 4 };
  const whole = new TopK(0.1, all, lengths);
  sentBy(whole, all, 0, 5);
  const residuals = whole.residuals();
  const expected = sentBy(whole, all, 5, 9);
  for (const workers of [1, 2, 3]) {
    const parts = splitEvenly(4, workers);
    const feedbacks = parts.map((range) => new TopK(0.1, range, lengths));
    for (const feedback of feedbacks) feedback.setResiduals(residuals);
    const sent = feedbacks.flatMap((feedback, worker) => sentBy(feedback, at(parts, worker), 5, 9));
    assert.deepEqual(sent, expected);
    assert.deepEqual(new Map(feedbacks.flatMap((feedback) => [...feedback.residuals()])), whole.residuals());
  }
});

test('residuals are copies, complete before the first step', () => {
  const feedback = new TopK(0.5, { start: 1, end: 3 }, lengths);
  const before = feedback.residuals();
  assert.deepEqual(
    [...before].map(([replica, buckets]) => [replica, ...buckets.map(({ length }) => length)]),
    [
      [1, ...lengths],
      [2, ...lengths],
    ],
  );
  sentBy(feedback, { start: 1, end: 3 }, 0, 2);
  assert.ok([...before.values()].flat().every((values) => values.every((value) => value === 0)));
});

test('residuals that are incomplete or of another model are refused, and nothing changes', () => {
  const feedback = new TopK(0.5, { start: 0, end: 2 }, lengths);
  sentBy(feedback, { start: 0, end: 2 }, 0, 2);
  const residuals = feedback.residuals();
  const refused = (given: typeof residuals, message: RegExp) =>
    assert.throws(
      () => feedback.setResiduals(given),
      (error) => error instanceof LockstepError && error.code === 'checkpoint/mismatch' && message.test(error.message),
    );
  refused(new Map([...residuals].slice(0, 1)), /replica 1 kept back: none are there, buckets of 40, 9 expected/);
  refused(
    new Map([...residuals].map(([replica, buckets]) => [replica, [at(buckets, 0), new Float32Array(8)]])),
    /replica 0 kept back: buckets of 40, 8 values, buckets of 40, 9 expected/,
  );
  assert.deepEqual(feedback.residuals(), residuals);
});
