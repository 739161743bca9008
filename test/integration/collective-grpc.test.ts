import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type LockstepError, monotonicClock, splitEvenly } from '../../shared/core/index.ts';
import {
  loopbackSecurity,
  type MessageStream,
  type OutgoingMessage,
  type PullRequest,
  peerService,
  serve,
  startServer,
} from '../../shared/rpc/index.ts';
import { createAllreduce, GrpcTransport, type Member } from '../../worker/collective/index.ts';
import type { SegmentHeader } from '../../worker/collective/segment-codec.ts';
import { encodeSegment } from '../support/encode-segment.ts';
import { referenceSum, referenceSumInBfloat16, sameBits, wildFloats } from '../support/reference-sum.ts';

const makeTransport = async (t: TestContext, workerId: string) => {
  const transport = await GrpcTransport.create({ workerId, listen: '127.0.0.1:0', security: loopbackSecurity });
  t.after(() => transport.close());
  return transport;
};

const common = {
  runId: 'run',
  generation: 14,
  algorithm: 'direct',
  segmentBytes: 1024,
  segmentTimeoutMs: 10_000,
  clock: monotonicClock,
} as const;

test('four transports in one process agree on the bits over many steps and count their bytes', async (t) => {
  const [workers, replicas, length, steps] = [4, 9, 4_000, 10];
  const transports = await Promise.all(Array.from({ length: workers }, (_, rank) => makeTransport(t, `w-${rank}`)));
  const hosted = splitEvenly(replicas, workers);
  const members = transports.map(
    ({ address }, rank): Member => ({
      rank,
      workerId: `w-${rank}`,
      host: 'h',
      address,
      replicas: hosted[rank] as Member['replicas'],
    }),
  );
  await Promise.all(
    transports.map(async (transport, rank) => {
      const options = { ...common, rank, members, replicas, bucketLengths: [length], transport };
      const allreduce = createAllreduce(options);
      t.after(() => allreduce.close());
      const { start, end } = hosted[rank] as Member['replicas'];
      for (let step = 0; step < steps; step++) {
        for (let r = start; r < end; r++) allreduce.contribute(step, r, 0, wildFloats(length, step, r));
        const [sum] = await allreduce.result(step);
        sameBits(sum, referenceSum(Array.from({ length: replicas }, (_, r) => wildFloats(length, step, r))));
      }
    }),
  );
  // 9 replicas on 4 workers are [0,3) [3,5) [5,7) [7,9): 2 + 2 + 2 + 2 nodes.
  for (const [rank, { bytes }] of transports.entries()) {
    const payload = steps * 4 * ((length / workers) * (2 * 3) + (length - length / workers));
    assert.ok(
      bytes.received > payload && bytes.received < payload * 1.1,
      `rank ${rank}: ${bytes.received}, ${payload}`,
    );
  }
});

/** Rank 0 is real, rank 1 answers requests as the test says. */
async function reduceWithFake(
  t: TestContext,
  answer: (
    stream: MessageStream<Uint8Array | OutgoingMessage, PullRequest>,
    request: PullRequest,
    header: SegmentHeader,
  ) => void,
  generation = 14,
): Promise<LockstepError> {
  const fake = await startServer({
    address: '127.0.0.1:0',
    kind: 'bulk',
    security: loopbackSecurity,
    services: [
      serve(peerService.pull, (stream) => ({
        message: (request) => {
          if (request.offer) return;
          const {
            step = 0,
            bucket = 0,
            stage = 0,
            offset = 0,
          } = request as Required<Record<keyof SegmentHeader, number>>;
          answer(stream, request, { generation, step, bucket, stage, offset });
        },
        closed: () => {},
      })),
    ],
  });
  t.after(() => fake.close(0));
  const transport = await makeTransport(t, 'w-0');
  const members = [
    { rank: 0, workerId: 'w-0', host: 'h', address: transport.address, replicas: { start: 0, end: 1 } },
    { rank: 1, workerId: 'w-1', host: 'h', address: fake.address, replicas: { start: 1, end: 2 } },
  ];
  const options = { ...common, segmentTimeoutMs: 1000, rank: 0, members, replicas: 2, bucketLengths: [512], transport };
  const allreduce = createAllreduce(options);
  t.after(() => allreduce.close());
  allreduce.contribute(3, 0, 0, new Float32Array(512));
  return allreduce.result(3).then(
    () => assert.fail('the reduction succeeded'),
    (error) => error,
  );
}

const cases: [string, Parameters<typeof reduceWithFake>[1], string, RegExp, number?][] = [
  [
    'a corrupted byte',
    (stream, _, header) => {
      const bytes = encodeSegment(header, new Float32Array(256));
      bytes[bytes.length - 7] = 1;
      void stream.send(bytes);
    },
    'collective/corrupt',
    /^rank 1 \(worker w-1\) sent a corrupt segment of \d+ bytes: checksum .*generation 14, step 3, bucket 0, byte 0/,
  ],
  [
    'too little data',
    (stream, _, header) => void stream.send(encodeSegment(header, new Float32Array(255))),
    'collective/corrupt',
    /^rank 1 \(worker w-1\) sent 1020 bytes for bucket 0 bytes 0–1024, 1024 expected to rank 0/,
  ],
  [
    'too much data',
    (stream, _, header) => void stream.send(encodeSegment(header, new Float32Array(300))),
    'collective/corrupt',
    /^rank 1 \(worker w-1\) sent 1200 bytes for bucket 0 bytes 0–1024/,
  ],
  [
    'the wrong place',
    (stream, _, header) => void stream.send(encodeSegment({ ...header, offset: 64 }, new Float32Array(256))),
    'collective/corrupt',
    /^rank 1 \(worker w-1\) sent bucket 0 byte 64 of step 3 .* where bucket 0 bytes 0–1024 of step 3/,
  ],
  [
    'a segment of another generation',
    (stream, _, header) => void stream.send(encodeSegment(header, new Float32Array(256))),
    'collective/stale',
    /^rank 1 \(worker w-1\) sent a segment of generation 13 to rank 0 \(generation 14\)/,
    13,
  ],
  [
    'bytes that are no segment',
    (stream) => void stream.send(Buffer.from('hello')),
    'collective/corrupt',
    /^rank 1 \(worker w-1\) sent a corrupt segment of 5 bytes/,
  ],
  [
    'silence',
    () => {},
    'collective/timeout',
    /^rank 0 waited 1000 ms for bucket 0 bytes 0–1024 from rank 1 \(worker w-1\) \(generation 14, step 3\)$/,
  ],
  [
    'the end of its stream',
    (stream) => stream.end(),
    'run/worker-lost',
    /^rank 0 lost rank 1 \(worker w-1\) while it waited for bucket 0 bytes 0–1024 of step 3 \(generation 14\)/,
  ],
];

for (const [what, answer, code, message, generation] of cases) {
  test(`a peer that answers with ${what} is named`, async (t) => {
    const error = await reduceWithFake(t, answer, generation);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
  });
}

test('a peer that nobody can reach is named with its address', async (t) => {
  const transport = await makeTransport(t, 'w-0');
  const gone = await GrpcTransport.create({ workerId: 'w-1', listen: '127.0.0.1:0', security: loopbackSecurity });
  await gone.close();
  const members = [
    { rank: 0, workerId: 'w-0', host: 'h', address: transport.address, replicas: { start: 0, end: 1 } },
    { rank: 1, workerId: 'w-1', host: 'h', address: gone.address, replicas: { start: 1, end: 2 } },
  ];
  const options = { ...common, segmentTimeoutMs: 300, rank: 0, members, replicas: 2, bucketLengths: [8], transport };
  const allreduce = createAllreduce(options);
  t.after(() => allreduce.close());
  allreduce.contribute(0, 0, 0, new Float32Array(8));
  await assert.rejects(allreduce.result(0), {
    code: 'run/worker-lost',
    message: new RegExp(`lost rank 1 \\(worker w-1\\).*${gone.address} could not be reached in 0.3 s .*ECONNREFUSED`),
  });
});

test('memory stays bounded over many steps', async (t) => {
  const [workers, length] = [2, 256 * 1024];
  const transports = await Promise.all([0, 1].map((rank) => makeTransport(t, `w-${rank}`)));
  const members = transports.map(({ address }, rank) => ({
    rank,
    workerId: `w-${rank}`,
    host: 'h',
    address,
    replicas: { start: rank, end: rank + 1 },
  }));
  const options = { ...common, segmentBytes: 256 * 1024, members, replicas: workers, bucketLengths: [length] };
  const ranks = transports.map((transport, rank) => createAllreduce({ ...options, rank, transport }));
  t.after(() => {
    for (const rank of ranks) rank.close();
  });
  const run = async (from: number, to: number) => {
    let peakBytes = 0;
    for (let step = from; step < to; step++) {
      for (const [rank, allreduce] of ranks.entries()) allreduce.contribute(step, rank, 0, new Float32Array(length));
      await Promise.all(ranks.map((allreduce) => allreduce.result(step)));
      peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers);
    }
    return peakBytes;
  };
  const early = await run(0, 50);
  // 1 MB in 4 segments each step; kept data would add 50 MB. Garbage that waits for its collection varies by less.
  const late = await run(50, 150);
  assert.ok(late < early + 32 * 1024 * 1024, `${Math.round(early / 1e6)} MB, then ${Math.round(late / 1e6)} MB`);
});

test('halving over gRPC with bfloat16 gradients beside exact sums, after state was taken and a barrier passed', async (t) => {
  const [workers, replicas, lengths, steps] = [5, 7, [4_001, 3], 4];
  const formats = ['bfloat16', 'float32'] as const;
  const transports = await Promise.all(Array.from({ length: workers }, (_, rank) => makeTransport(t, `w-${rank}`)));
  const hosted = splitEvenly(replicas, workers);
  const members = transports.map(({ address }, rank): Member => {
    return { rank, workerId: `w-${rank}`, host: 'h', address, replicas: hosted[rank] as Member['replicas'] };
  });
  const weights = new Uint8Array(3_000_001).map((_, index) => index * 31);
  await Promise.all(
    transports.map(async (transport, rank) => {
      const options = { ...common, algorithm: 'halving', rank, members, replicas, transport } as const;
      const allreduce = createAllreduce({ ...options, bucketLengths: lengths, bucketFormats: formats });
      t.after(() => allreduce.close());
      if (rank < 2) allreduce.group.offerState(812, [{ name: 'kernel', bytes: weights }]);
      else {
        const [kernel] = await allreduce.group.takeState(812, [0, 1]);
        assert.ok(kernel !== undefined && Buffer.from(kernel.bytes).equals(weights));
      }
      await allreduce.group.barrier();
      const { start, end } = hosted[rank] as Member['replicas'];
      for (let step = 0; step < steps; step++) {
        for (const [bucket, length] of lengths.entries()) {
          for (let r = start; r < end; r++) allreduce.contribute(step, r, bucket, wildFloats(length, step, r, bucket));
        }
        const sums = await allreduce.result(step);
        for (const [bucket, length] of lengths.entries()) {
          const leaves = Array.from({ length: replicas }, (_, r) => wildFloats(length, step, r, bucket));
          sameBits(sums[bucket], bucket === 0 ? referenceSumInBfloat16(leaves) : referenceSum(leaves));
        }
      }
    }),
  );
});
