import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lockstep } from '../../proto/generated/lockstep.js';
import { LockstepError, monotonicClock } from '../../shared/core/index.ts';
import {
  MessageStream,
  type OutgoingMessage,
  type PullRequest,
  peerService,
  toBuffer,
} from '../../shared/rpc/index.ts';
import { createAllreduce, type Transport } from '../../worker/collective/index.ts';
import { PeerWaits } from '../../worker/collective/peer-waits.ts';
import { PullClient } from '../../worker/collective/pull-client.ts';
import { answerPulls } from '../../worker/collective/pull-server.ts';
import { decodeSegment, sharedSegmentMessage } from '../../worker/collective/segment-codec.ts';
import { SegmentPool } from '../../worker/collective/segment-pool.ts';
import { SourceRegistry } from '../../worker/collective/source-registry.ts';
import type { ChunkSource } from '../../worker/collective/transport.ts';
import { encodeSegment } from '../support/encode-segment.ts';
import { wildFloats } from '../support/reference-sum.ts';

const [generation, step, bucket] = [7, 3, 1];
const [length, segmentValues] = [40, 8];
const truth = wildFloats(length, 11);
const starts = Array.from({ length: length / segmentValues }, (_, index) => index * segmentValues);

const validSegments = starts.map((start) =>
  encodeSegment(
    { generation, step, bucket, stage: 0, offset: 4 * start },
    truth.subarray(start, start + segmentValues),
  ),
);

const index = fc.nat(validSegments.length - 1);
const changes = fc.oneof(
  fc.record({ kind: fc.constant('drop' as const), index }),
  fc.record({ kind: fc.constant('repeat' as const), index }),
  fc.record({ kind: fc.constant('swap' as const), index, other: index }),
  fc.record({ kind: fc.constant('cut' as const), index, bytes: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('alter' as const), index, at: fc.nat(80), flip: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('share' as const), index, number: fc.nat(2) }),
  fc.record({ kind: fc.constant('notice' as const), index }),
);

function changed(
  change: typeof changes extends fc.Arbitrary<infer T> ? T : never,
  messages: readonly Buffer[],
): Buffer[] {
  const all = [...messages];
  const i = change.index % Math.max(1, all.length);
  const one = all[i];
  if (one === undefined) return all;
  const header = { generation, step, bucket, stage: 0, offset: 4 * segmentValues * i };
  if (change.kind === 'drop') all.splice(i, 1);
  if (change.kind === 'repeat') all.splice(i, 0, one);
  if (change.kind === 'swap')
    [all[i], all[change.other % all.length]] = [all[change.other % all.length] as Buffer, one];
  if (change.kind === 'cut') all[i] = one.subarray(0, -change.bytes);
  if (change.kind === 'share') {
    const payload = { byteLength: 4 * segmentValues, number: change.number, checksum: 1 };
    all[i] = toBuffer(sharedSegmentMessage(header, payload));
  }
  if (change.kind === 'notice') all.splice(i, 0, encodeSegment(header, new Float32Array(0)));
  if (change.kind === 'alter') {
    const copy = Buffer.from(one);
    const at = change.at % copy.length;
    copy[at] = (copy[at] as number) ^ change.flip;
    all[i] = copy;
  }
  return all;
}

test('whatever a peer sends in place of its segments, values that are delivered are right, or it is named', () => {
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 4 }), (list) => {
      const messages = list.reduce((all: Buffer[], change) => changed(change, all), validSegments);
      const client = new PullClient({
        ...{ rank: 0, segmentValues, segmentTimeoutMs: 60_000, clock: monotonicClock },
        peer: { rank: 1, workerId: 'w-1', host: 'h', address: 'w-1', replicas: { start: 1, end: 2 } },
        sender: { runId: 'run', generation, workerId: 'w-0', wire: 'float32' },
        pool: new SegmentPool('float32', 4 * segmentValues),
        waits: new PeerWaits(monotonicClock),
      });
      const got: number[] = [];
      const request = { step, bucket, stage: 'reduce', node: { start: 1, end: 2 }, start: 0, end: length } as const;
      client
        .pull(request, (start, values) => {
          assert.equal(start, got.length);
          got.push(...(values as Float32Array));
        })
        .catch(() => {});
      client.start(() => {});
      try {
        for (const message of messages) client.message(Buffer.from(message));
      } catch (error) {
        assert.ok(error instanceof LockstepError && /^rank 1 \(worker w-1\) sent /.test(error.message), String(error));
        client.fail(error);
      }
      client.closed(null);
      assert.deepEqual(got, [...truth.subarray(0, got.length)]);
    }),
    { numRuns: 3_000 },
  );
});

/** Rank 0 of two, which has contributed to step 0, as what answers peers. */
function contributed(): ChunkSource {
  let source: ChunkSource | undefined;
  const transport: Transport = {
    address: 'w-0',
    bytes: { sent: 0, received: 0 },
    waits: new PeerWaits(monotonicClock),
    join: (options) => {
      source = options.source;
      return { pull: () => new Promise(() => {}), recycle: () => {}, close: () => {} };
    },
    close: async () => {},
  };
  const members = [0, 1].map((rank) => {
    return { rank, workerId: `w-${rank}`, host: 'h', address: `w-${rank}`, replicas: { start: rank, end: rank + 1 } };
  });
  const allreduce = createAllreduce({
    ...{ runId: 'run', generation, rank: 0, members, replicas: 2, bucketLengths: [length], transport },
    ...{ algorithm: 'direct', segmentBytes: 4 * segmentValues, segmentTimeoutMs: 60_000, clock: monotonicClock },
  });
  allreduce.contribute(0, 0, 0, truth.slice());
  return source as ChunkSource;
}

const small = fc.oneof(fc.nat(3), fc.nat(200), fc.maxSafeNat());
const oneRequest: fc.Arbitrary<PullRequest> = fc.record(
  {
    runId: fc.constantFrom('run', 'other'),
    generation: fc.constantFrom(generation, generation, generation, 1, 9),
    step: fc.oneof(fc.constant(0), fc.nat(5), fc.nat(2 ** 31)),
    bucket: fc.oneof(fc.constant(0), fc.nat(3)),
    stage: fc.nat(2),
    nodeStart: fc.nat(2),
    nodeEnd: fc.nat(3),
    offset: fc.oneof(fc.constantFrom(80, 96), small),
    length: fc.oneof(fc.constantFrom(80, 32, 0), small),
    fromWorker: fc.constantFrom('w-1', 'w-1', 'w-0', 'stranger', ''),
    wire: fc.nat(2),
    taken: fc.oneof(fc.constant(0), fc.constant(0), small),
    offer: fc.option(
      fc.record({ pid: fc.nat(), fd: fc.nat(), slots: fc.nat(), slotBytes: fc.nat(), token: fc.uint8Array() }),
      { nil: null },
    ),
  },
  { requiredKeys: ['runId', 'generation', 'fromWorker'] },
);

const isAsked = { runId: 'run', generation, step: 0, bucket: 0, stage: 0, nodeStart: 0, nodeEnd: 1 };
const right: PullRequest = { ...isAsked, offset: 80, length: 80, fromWorker: 'w-1' };
const anyRequest = fc
  .tuple(oneRequest, fc.array(fc.oneof(oneRequest, fc.constant(right)), { maxLength: 3 }))
  .map(([request, more]): PullRequest => ({ ...request, more }));

test('whatever a peer asks, it gets the values that it asked for, or an error', async () => {
  const damage = fc.array(fc.record({ at: fc.nat(60), byte: fc.nat(255) }), { maxLength: 3 });
  const source = contributed();
  let delivered = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.oneof(fc.constant(right), anyRequest), damage), { maxLength: 5 }),
      async (asked) => {
        const registry = new SourceRegistry('w-0');
        registry.serve(source);
        const sent: Buffer[] = [];
        let failure: LockstepError | undefined;
        const call = {
          write: (message: Uint8Array | OutgoingMessage, written: () => void) => {
            sent.push(toBuffer(message));
            written();
          },
          end: () => {},
          abort: (error: LockstepError) => {
            failure = error;
          },
        };
        const { request, response } = peerService.pull;
        const stream = new MessageStream<OutgoingMessage, PullRequest>(call, response, request, {
          peer: 'client',
          queueBytes: 1e6,
        });
        stream.attach(answerPulls(stream, registry));
        for (const [message, changes] of asked) {
          const bytes = Buffer.from(lockstep.v1.PullRequest.encode(message).finish());
          for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
          stream.receive(bytes);
        }
        for (let turn = 0; turn < 10; turn++) await Promise.resolve();
        stream.close(null);
        assert.ok(failure === undefined || failure instanceof LockstepError);
        for (const bytes of sent) {
          const { payload, offset, stage } = decodeSegment(bytes, 'float32', 'w-0');
          if (payload.length === 0) continue;
          delivered++;
          assert.equal(stage, 0, 'nothing is reduced before the peer contributed');
          assert.deepEqual(payload, truth.subarray(offset / 4, offset / 4 + payload.length));
        }
      },
    ),
    { numRuns: 2_000 },
  );
  assert.ok(delivered > 200, `${delivered} segments were delivered: too few to say anything`);
});
