import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Algorithm,
  algorithms,
  chooseAlgorithm,
  compareAlgorithms,
  defaultCosts,
  predict,
} from '../../worker/collective/index.ts';
import { cluster } from '../support/cluster.ts';

const length = 1 << 20;
const shape = (workers: number, perHost = 1, replicas = workers) => ({
  members: cluster(workers, perHost, replicas),
  bucketLengths: [length],
  valueBytes: 4,
  segmentBytes: 2 ** 20,
});

test('for powers of two every algorithm receives 2(W−1)/W of the bytes, the least there is', () => {
  for (const workers of [2, 4, 8, 16, 64]) {
    const least = (2 * (workers - 1) * length * 4) / workers;
    for (const algorithm of algorithms) assert.equal(predict(algorithm, shape(workers, 2)).bytesReceived, least);
  }
});

test('latency steps: 2 all with all, 2·⌈log2 W⌉ in pairs, 4 by hosts', () => {
  const steps = (algorithm: Algorithm, workers: number) => predict(algorithm, shape(workers, 4)).latencySteps;
  for (const [workers, halving] of [
    [2, 2],
    [3, 4],
    [5, 6],
    [8, 6],
    [64, 12],
    [100, 14],
    [4096, 24],
  ] as const) {
    assert.equal(steps('halving', workers), halving, `${workers} workers`);
    assert.equal(steps('direct', workers), 2);
  }
  assert.equal(steps('hierarchical', 8), 4);
  const small = { ...shape(2), bucketLengths: [length - 1, 10] };
  assert.equal(predict('direct', small).latencySteps, 1, 'two workers swap small buckets');
  assert.equal(predict('direct', small).bytesReceived, 4 * (length + 9));
});

test('with several workers on a host, hierarchical sends 2(H−1)/H of the bytes over its network, whatever their number', () => {
  const perHost = 4;
  const { networkBytes } = predict('hierarchical', shape(16, perHost));
  const hosts = 4;
  assert.equal(networkBytes * perHost, (2 * (hosts - 1) * length * 4) / hosts);
  assert.ok(predict('direct', shape(16, perHost)).networkBytes > networkBytes * 3);
});

test('the fewest messages decide for many workers, the fewest steps for few, the network for several on a host', () => {
  assert.equal(chooseAlgorithm('auto', shape(2)), 'direct');
  assert.equal(chooseAlgorithm('auto', shape(8)), 'direct');
  assert.equal(chooseAlgorithm('auto', shape(4096)), 'halving');
  assert.equal(chooseAlgorithm('auto', shape(18, 6)), 'hierarchical');
  assert.equal(chooseAlgorithm('halving', shape(2)), 'halving');
});

test('workers that are all on one host reduce directly', () => {
  assert.equal(compareAlgorithms(shape(8, 8))[0]?.algorithm, 'direct');
});

test('whatever the number of workers, a rank receives at most half as much again as the least', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.constantFrom(...algorithms), (workers, algorithm) => {
      const { bytesReceived } = predict(algorithm, shape(workers));
      const least = (2 * (workers - 1) * length * 4) / workers;
      assert.ok(bytesReceived <= 1.5 * least, `${workers} workers: ${bytesReceived / least}`);
    }),
    { numRuns: 40 },
  );
});

test('replicas that don’t align cost a few more sums, not all of them', () => {
  const aligned = predict('halving', shape(8, 1, 64)).bytesReceived;
  const crooked = predict('halving', shape(7, 1, 64)).bytesReceived;
  assert.ok(crooked > aligned && crooked < 4 * aligned, `${crooked / aligned}`);
});

test('ranks that share the cores of their host take as many times as long for messages, bytes and additions', () => {
  const costs = { ...defaultCosts, host: { ...defaultCosts.host, latencySeconds: 0 } };
  const seconds = (cores: number) => predict('direct', shape(8, 8), { ...costs, cores }).seconds;
  assert.equal(seconds(8), seconds(16));
  assert.ok(Math.abs(seconds(2) / seconds(8) - 4) < 1e-9);
});

test('the terms of the formula: steps, messages, bytes and additions each by its figure', () => {
  const free = { latencySeconds: 0, bytesPerSecond: Infinity };
  const none = { network: free, host: free, messageSeconds: 0, addedValuesPerSecond: Infinity, cores: 8 };
  const members = shape(4, 2);
  const seconds = (costs: Partial<typeof none>) => predict('direct', members, { ...none, ...costs }).seconds;
  const { messages, bytesReceived, networkBytes } = predict('direct', members);
  assert.equal(seconds({ network: { ...free, latencySeconds: 1 } }), 3);
  assert.equal(seconds({ messageSeconds: 1 }), messages);
  assert.equal(seconds({ host: { ...free, bytesPerSecond: 1 } }), bytesReceived - networkBytes);
  assert.equal(seconds({ network: { ...free, bytesPerSecond: 1 } }), 2 * networkBytes);
  assert.equal(seconds({ addedValuesPerSecond: 1 }), (3 * length) / 4);
});
