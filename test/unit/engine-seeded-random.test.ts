import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { withSeededRandom } from '../../worker/engine/seeded-random.ts';
import { weightsSha256 } from '../../worker/engine/weights-sha256.ts';

const draw = (): number[] => Array.from({ length: 5 }, () => Math.random());

test('draws are a function of the key', () => {
  assert.deepEqual(withSeededRandom([7, 1], draw), withSeededRandom([7, 1], draw));
  assert.notDeepEqual(withSeededRandom([7, 1], draw), withSeededRandom([8, 1], draw));
  assert.notDeepEqual(withSeededRandom([7, 1], draw), withSeededRandom([7, 2], draw));
});

test('Math.random is itself again afterwards, also after an error', async () => {
  const original = Math.random;
  withSeededRandom([1], draw);
  assert.equal(Math.random, original);
  assert.throws(() =>
    withSeededRandom([1], () => {
      throw new Error('no model');
    }),
  );
  assert.equal(Math.random, original);
  await assert.rejects(withSeededRandom([1], () => Promise.reject(new Error('no model'))));
  assert.equal(Math.random, original);
});

test('an asynchronous function draws from the key until its end', async () => {
  const slow = async (): Promise<number[]> => {
    const first = Math.random();
    await Promise.resolve();
    return [first, Math.random()];
  };
  const drawn = await withSeededRandom([3], slow);
  assert.deepEqual(drawn, withSeededRandom([3], draw).slice(0, 2));
});

test('the hash of weights is over their bytes in order, wherever the values lie in memory', () => {
  const shared = Float32Array.of(9, 1.5, -2, 9);
  const weights = [
    { name: 'a', shape: [2], trainable: true, values: shared.subarray(1, 3) },
    { name: 'b', shape: [1], trainable: false, values: Float32Array.of(0.25) },
  ];
  const bytes = Buffer.alloc(12);
  for (const [index, value] of [1.5, -2, 0.25].entries()) bytes.writeFloatLE(value, index * 4);
  assert.equal(weightsSha256(weights), createHash('sha256').update(bytes).digest('hex'));
  assert.notEqual(weightsSha256(weights), weightsSha256(weights.toReversed()));
});
