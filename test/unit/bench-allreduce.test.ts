import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AllreduceFlags, parseSize, readAllreduceOptions } from '../../cli/allreduce/arguments.ts';
import { explain, formatExplanations } from '../../cli/allreduce/explain.ts';
import { busBandwidth, iterationsOf, median, speedRatio, summarize } from '../../cli/allreduce/figures.ts';
import { cutBuckets } from '../../cli/allreduce/lockstep-group.ts';
import { formatAllreduce, formatBytes } from '../../cli/allreduce/report.ts';
import { compareAlgorithms, defaultCosts } from '../../worker/collective/index.ts';
import { cluster } from '../support/cluster.ts';

const flags: AllreduceFlags = {
  workers: '2,4',
  bytes: '1MB,25MiB',
  rounds: '5',
  bucketBytes: '4MiB',
  sharedMemory: 'auto',
  algorithm: 'auto',
  wire: 'float32',
  explain: false,
  json: false,
};

test('worker counts and sizes are lists; units are decimal or binary', () => {
  assert.deepEqual(readAllreduceOptions(flags), {
    ...{ workers: [2, 4], bytes: [1e6, 25 * 2 ** 20], rounds: 5, bucketBytes: 4 * 2 ** 20, link: null, json: false },
    sharedMemory: 'auto',
    algorithm: 'auto',
    wire: 'float32',
    explain: false,
  });
  assert.deepEqual(['4', '64KiB', '1.5MB', '2GB'].map(parseSize), [4, 65_536, 1.5e6, 2e9]);
});

test('what is no whole float32 value, no number or out of range is refused with the flag’s name', () => {
  const refused: [Partial<AllreduceFlags>, RegExp][] = [
    [{ workers: '1' }, /--workers 1: expected whole numbers from 2 to 64/],
    [{ workers: '2,,4' }, /--workers : expected/],
    [{ bytes: '3' }, /--bytes 3: expected sizes/],
    [{ bytes: '4mb' }, /--bytes 4mb/],
    [{ bytes: '3GB' }, /--bytes 3GB/],
    [{ rounds: '0' }, /--rounds 0/],
    [{ bucketBytes: '-4' }, /--bucket-bytes -4/],
    [{ wire: 'float16' }, /--wire float16: expected float32, bfloat16/],
    [{ wire: 'top-k:0.1' }, /--wire top-k:0.1: measured are float32 and bfloat16/],
    [{ algorithm: 'ring' }, /--algorithm ring: expected one of auto, direct/],
    [{ sharedMemory: 'on' }, /--shared-memory on: expected one of auto, off/],
  ];
  for (const [change, message] of refused) {
    assert.throws(() => readAllreduceOptions({ ...flags, ...change }), { code: 'config/invalid', message });
  }
});

test('bus bandwidth is that of nccl-tests: algorithm bandwidth times 2(W−1)/W', () => {
  assert.equal(busBandwidth(2, 1e9, 1), 1);
  assert.equal(busBandwidth(4, 1e9, 0.5), 3);
});

test('figures are medians over all iterations, and CPU time counts for each process', () => {
  const turns = [
    { seconds: [0.1, 0.3], cpuSeconds: 2 },
    { seconds: [0.2, 0.9], cpuSeconds: 6 },
  ];
  const { seconds, cpuSecondsPerGigabyte, iterations } = summarize(turns, 2, 5e8);
  assert.equal(seconds, 0.25);
  // 8 s of 2 processes, each of which had 4 times half a GB reduced.
  assert.equal(cpuSecondsPerGigabyte, 2);
  assert.equal(iterations, 4);
});

test('the ratio compares turns of the same round: a slow phase of the machine changes nothing', () => {
  const turn = (...seconds: number[]) => ({ seconds, cpuSeconds: 0 });
  assert.equal(speedRatio([turn(1, 1, 9), turn(10, 10), turn(3)], [turn(2), turn(20), turn(6)]), 2);
});

test('a median is a value in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('a turn has at least 3 and at most 50 iterations', () => {
  assert.deepEqual([4, 4e6, 25e6, 1e9].map(iterationsOf), [50, 50, 8, 3]);
});

test('buckets are even, none above the size, and lose no value', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e5 }), fc.integer({ min: 1, max: 1e5 }), (values, bucketValues) => {
      const buckets = cutBuckets(values * 4, bucketValues * 4);
      assert.equal(
        buckets.reduce((sum, length) => sum + length, 0),
        values,
      );
      assert.ok(buckets.every((length) => length > 0 && length <= bucketValues));
    }),
    { numRuns: 50 },
  );
});

test('a report has a line for each size and says how much faster than each other', () => {
  const figures = { seconds: 0.002, busGigabytesPerSecond: 0.5, cpuSecondsPerGigabyte: 1.25, iterations: 10 };
  const alone = { workers: 2, bytes: 1e6, lockstep: figures, others: {} };
  assert.match(formatAllreduce([alone]), /\| +2 \| +1 MB \| +2\.00 ms \| +0\.50 GB\/s \| +1\.25 \|$/m);
  const beside = { ...alone, others: { gloo: { ...figures, ratio: 0.8 } } };
  assert.match(formatAllreduce([beside]), /gloo: time.*\n.*\n.*0\.80 × \|$/);
});

test('sizes are told in the unit that makes them short', () => {
  assert.deepEqual([1e6, 4 * 2 ** 20, 65_536, 2.5e7, 12].map(formatBytes), [
    '1 MB',
    '4 MiB',
    '64 KiB',
    '25 MB',
    '12 bytes',
  ]);
});

test('an explanation has what auto chose by, the ratio to what was measured, and why', () => {
  const figures = { seconds: 0.01, busGigabytesPerSecond: 1, cpuSecondsPerGigabyte: 1, iterations: 1 };
  const { members, bucketLengths } = { members: cluster(4, 2), bucketLengths: [1e6] };
  const shape = { members, bucketLengths, valueBytes: 4, segmentBytes: 2 ** 20 };
  const costs = { ...defaultCosts, cores: 2 };
  const predictions = compareAlgorithms(shape, costs);
  const algorithm = predictions[0]?.algorithm ?? null;
  const others = { halving: { ...figures, ratio: 1 } };
  const report = { workers: 4, bytes: 4e6, exchange: { algorithm, costs, predictions }, lockstep: figures, others };
  const explanations = explain([report]);
  assert.deepEqual(explanations.map((each) => each.algorithm).sort(), ['direct', 'halving', 'hierarchical']);
  assert.deepEqual(
    explanations.filter(({ isChosen }) => isChosen).map((each) => each.algorithm),
    [algorithm],
  );
  const halving = explanations.find((each) => each.algorithm === 'halving');
  assert.equal(halving?.measuredSeconds, 0.01);
  assert.equal(halving?.ratio, (halving?.predictedSeconds ?? 0) / 0.01);
  const text = formatExplanations(explanations, [report]);
  assert.match(text, /auto: /);
  assert.match(
    text,
    /4 workers, 4 MB: \w+ with [\d.]+ ms predicted \(.*measured when they joined: in a host .*2 cores/,
  );
});
