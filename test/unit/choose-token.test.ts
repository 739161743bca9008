import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkSampling, chooseToken } from '../../worker/models/choose-token.ts';
import { thrown } from '../support/thrown.ts';

const logits = [0.5, 0.2, 0.25, 0.05].map(Math.log);

test('temperature 0 takes the most probable token, and the lower one of equals', () => {
  assert.equal(chooseToken(logits, { temperature: 0 }, 0.999), 0);
  assert.equal(chooseToken([1, 3, 3], { temperature: 0 }, 0.5), 1);
});

test('each token is drawn as often as its probability says', () => {
  const draws = 10_000;
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < draws; index++) {
    const token = chooseToken(logits, {}, (index + 0.5) / draws);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  assert.deepEqual(counts, [5000, 2000, 2500, 500]);
});

test('topK leaves the others out, and one is greedy', () => {
  const drawn = new Set(Array.from({ length: 100 }, (_, index) => chooseToken(logits, { topK: 2 }, index / 100)));
  assert.deepEqual([...drawn].sort(), [0, 2]);
  assert.equal(chooseToken(logits, { topK: 1 }, 0.99), 0);
});

test('a low temperature sharpens and a high one evens out', () => {
  const share = (temperature: number): number =>
    Array.from({ length: 1000 }, (_, index) => chooseToken(logits, { temperature }, index / 1000)).filter(
      (token) => token === 0,
    ).length / 1000;
  assert.ok(share(0.5) > 0.5 + 0.1 && share(4) < 0.5 - 0.1, `${share(0.5)} ${share(4)}`);
});

test('whatever the logits, a token that has some probability is chosen', () => {
  const logit = fc.oneof(fc.double({ min: -1000, max: 1000, noNaN: true }), fc.constant(Number.NEGATIVE_INFINITY));
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(logit, { minLength: 1 }),
      draw,
      fc.double({ min: 0, max: 5, noNaN: true }),
      (values, at, heat) => {
        fc.pre(values.some(Number.isFinite));
        assert.ok(Number.isFinite(values[chooseToken(values, { temperature: heat }, at)]));
      },
    ),
  );
});

test('a temperature or topK that means nothing is refused', () => {
  assert.match(
    thrown('job/invalid', () => checkSampling({ temperature: -1 })).message,
    /temperature must be 0 or more/,
  );
  assert.match(thrown('job/invalid', () => checkSampling({ topK: 0 })).message, /topK must be a positive/);
});
