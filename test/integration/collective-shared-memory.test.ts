import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { LockstepError, monotonicClock } from '../../shared/core/index.ts';
import {
  loopbackSecurity,
  type MessageStream,
  type OutgoingMessage,
  type PullRequest,
  peerService,
  serve,
  startServer,
} from '../../shared/rpc/index.ts';
import { GrpcTransport, type WireFormat, type WireValues } from '../../worker/collective/index.ts';
import { type SegmentHeader, type SharedPayload, sharedSegmentMessage } from '../../worker/collective/segment-codec.ts';
import { ReceivingSlots, SendingSlots, type SharedMemoryOffer } from '../../worker/collective/shared-slots.ts';
import type { ChunkSource, PeerLinks } from '../../worker/collective/transport.ts';

const skip = process.platform === 'linux' ? false : 'shared memory is used on Linux only';
const slotBytes = 64 * 1024;
const counter = () => ({ sent: 0, received: 0 });
const random = (length: number, seed: number) =>
  new Uint16Array(length).map((_, i) => (i * 40_503 + seed * 7_919) >>> 3);

/** Open files without a name on the memory file system: what this process shares at the moment. */
function sharedFiles(): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('/dev/shm/');
    } catch {
      return false;
    }
  });
}

function pair(slots = 4): { receiving: ReceivingSlots; sending: SendingSlots } {
  const receiving = new ReceivingSlots(slots, slotBytes, counter());
  const sending = SendingSlots.open(receiving.offer, counter());
  assert.ok(sending);
  return { receiving, sending };
}

test('payloads come out of their slots as they went in, for any lengths and any interleaving', { skip }, () => {
  const sizes = fc.array(fc.record({ length: fc.integer({ min: 1, max: slotBytes / 2 }), lead: fc.nat(3) }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(sizes, (payloads) => {
      const { receiving, sending } = pair();
      const waiting: { values: Uint16Array; payload: SharedPayload }[] = [];
      const takeOne = () => {
        const { values, payload } = waiting.shift() as (typeof waiting)[0];
        const got = new Uint16Array(values.length);
        assert.equal(receiving.take(got), payload.checksum);
        assert.deepEqual(got, values);
        assert.ok(sending.release(receiving.taken));
      };
      for (const [index, { length, lead }] of payloads.entries()) {
        const values = random(length, index);
        while (sending.full || waiting.length > lead) takeOne();
        const payload = sending.put(values);
        assert.deepEqual([payload.number, payload.byteLength], [index, 2 * length]);
        waiting.push({ values, payload });
      }
      while (waiting.length > 0) takeOne();
      receiving.close();
      sending.close();
    }),
    { numRuns: 50 },
  );
});

test('an altered byte, an old payload and one of another stream fail their checksum', { skip }, () => {
  const { receiving, sending } = pair(2);
  const values = random(3_000, 1);
  const got = new Uint16Array(values.length);
  const { checksum } = sending.put(values);
  const fd = openSync(`/proc/self/fd/${receiving.offer.fd}`, 'r+');
  writeSync(fd, new Uint8Array([(values[1000] as number) ^ 1]), 0, 1, 4096 + 2000);
  assert.notEqual(receiving.take(got), checksum, 'altered');
  const second = sending.put(values);
  assert.notEqual(second.checksum, checksum, 'the same values under another number');
  assert.equal(receiving.take(got), second.checksum);
  // Slot 0 again: the receiver looks before the sender wrote.
  sending.release(2);
  const early = receiving.take(got);
  assert.notEqual(early, sending.put(values).checksum, 'stale');
  const other = pair(2);
  assert.notEqual(other.sending.put(values).checksum, checksum, 'another stream');
  closeSync(fd);
  for (const end of [receiving, sending, other.receiving, other.sending]) end.close();
});

test('only the memory that a peer means is opened, and nothing else is touched', { skip }, () => {
  const before = sharedFiles().length;
  const receiving = new ReceivingSlots(4, slotBytes, counter());
  const { offer } = receiving;
  const named = openSync(import.meta.filename, 'r');
  const bad: [string, Partial<SharedMemoryOffer>][] = [
    ['another token', { token: Buffer.alloc(32) }],
    ['a short token', { token: Buffer.alloc(0) }],
    ['a file with a name', { fd: named }],
    ['standard input', { fd: 0 }],
    ['no such file', { fd: 999_999 }],
    ['no such process', { pid: 4_194_305 }],
    ['more slots than there are', { slots: 5 }],
    ['one slot', { slots: 1 }],
    ['huge slots', { slotBytes: 2 ** 31 }],
    ['odd slots', { slotBytes: slotBytes + 1 }],
  ];
  for (const [what, change] of bad)
    assert.equal(SendingSlots.open({ ...offer, ...change }, counter()), undefined, what);
  fc.assert(
    fc.property(
      fc.record({
        pid: fc.oneof(fc.constant(process.pid), fc.nat()),
        fd: fc.nat(64),
        slots: fc.nat(70),
        slotBytes: fc.oneof(fc.constant(slotBytes), fc.nat()),
        token: fc.uint8Array({ minLength: 0, maxLength: 40 }),
      }),
      (any) => assert.equal(SendingSlots.open(any, counter()), undefined),
    ),
  );
  closeSync(named);
  receiving.close();
  assert.equal(sharedFiles().length, before);
});

const members = (addresses: readonly string[]) =>
  addresses.map((address, rank) => ({
    rank,
    workerId: `w-${rank}`,
    host: 'here',
    address,
    replicas: { start: rank, end: rank + 1 },
  }));

const makeTransport = async (t: TestContext, workerId: string, sharedMemory?: 'auto' | 'off') => {
  const notices: string[] = [];
  const transport = await GrpcTransport.create({
    workerId,
    listen: '127.0.0.1:0',
    security: loopbackSecurity,
    sharedMemory,
    notice: (message) => notices.push(message),
  });
  t.after(() => transport.close());
  return { transport, notices };
};

const sourceOf = (values: WireValues, wire: WireFormat, segmentValues: number): ChunkSource => ({
  runId: 'run',
  generation: 14,
  wire,
  segmentValues,
  read: (_, __, start, end) => values.subarray(start, end),
});

const chunk = { step: 3, bucket: 0, stage: 'gather', node: { start: 0, end: 2 } } as const;
const timing = { segmentTimeoutMs: 10_000, clock: monotonicClock };

for (const wire of ['float32', 'bfloat16'] as const) {
  for (const sharedMemory of ['auto', 'off'] as const) {
    test(`${wire} values arrive whole with shared memory ${sharedMemory}, into the place that was given`, {
      skip,
    }, async (t) => {
      const before = sharedFiles().length;
      const values = wire === 'float32' ? new Float32Array(random(1_000_001, 5)) : random(1_000_001, 5);
      const ends = await Promise.all([makeTransport(t, 'w-0'), makeTransport(t, 'w-1', sharedMemory)]);
      const all = members(ends.map(({ transport }) => transport.address));
      const links = ends.map(({ transport }, rank) =>
        transport.join({ source: sourceOf(values, wire, 50_000), rank, members: all, ...timing }),
      );
      const got = values.slice().fill(0);
      let [placed, last] = [0, 0];
      const mine = links[0] as PeerLinks;
      for (const isPlaced of [true, false]) {
        got.fill(0);
        await mine.pull(
          1,
          { ...chunk, start: 1, end: values.length },
          (start, segment) => {
            if (segment.buffer === got.buffer) placed++;
            else got.set(segment, start);
            last = start;
            mine.recycle(segment);
          },
          isPlaced ? (start, end) => got.subarray(start, end) : undefined,
        );
        got[0] = values[0] as number;
        assert.deepEqual(got, values);
      }
      // The last segment is of one value, which does not pay to be shared.
      assert.equal(last, 1_000_000 - ((1_000_000 - 1) % 50_000));
      assert.equal(placed, sharedMemory === 'auto' ? 20 : 0);
      const payload = 2 * 1_000_000 * values.BYTES_PER_ELEMENT;
      for (const n of [ends[0].transport.bytes.received, ends[1].transport.bytes.sent]) {
        assert.ok(n >= payload && n < payload * 1.02, `${n} bytes counted, ${payload} of values`);
      }
      for (const link of links) link.close();
      await Promise.all(ends.map(({ transport }) => transport.close()));
      // The server's end of a broken stream hears of it a little later.
      while (sharedFiles().length > before) await setTimeout(10);
      assert.deepEqual([...ends[0].notices, ...ends[1].notices], []);
    });
  }
}

type Answer = (
  stream: MessageStream<OutgoingMessage, PullRequest>,
  sending: SendingSlots,
  header: SegmentHeader,
) => void;

/** What a pull of 10,000 values in one segment from a peer that answers so ends with. */
async function pullFromFake(t: TestContext, answer: Answer): Promise<LockstepError> {
  let sending: SendingSlots | undefined;
  const pull = (stream: MessageStream<OutgoingMessage, PullRequest>) => ({
    message: (request: PullRequest) => {
      if (request.offer) sending = SendingSlots.open(request.offer as SharedMemoryOffer, counter());
      else if (!request.taken)
        answer(stream, sending as SendingSlots, { generation: 14, step: 3, bucket: 0, stage: 1, offset: 0 });
    },
    closed: () => sending?.close(),
  });
  const fake = await startServer({
    address: '127.0.0.1:0',
    kind: 'bulk',
    security: loopbackSecurity,
    services: [serve(peerService.pull, pull)],
  });
  t.after(() => fake.close(0));
  const { transport } = await makeTransport(t, 'w-0');
  const source = sourceOf(new Float32Array(10_000), 'float32', 10_000);
  const links = transport.join({ source, rank: 0, members: members([transport.address, fake.address]), ...timing });
  t.after(() => links.close());
  return links
    .pull(1, { ...chunk, start: 0, end: 10_000 }, () => assert.fail('values were delivered'))
    .then(
      () => assert.fail('the pull succeeded'),
      (error: unknown) => {
        assert.ok(error instanceof LockstepError, String(error));
        return error;
      },
    );
}

const cases: [string, (payload: SharedPayload) => Partial<SharedPayload>, RegExp][] = [
  ['a wrong checksum', ({ checksum }) => ({ checksum: (checksum ^ 1) >>> 0 }), /checksum/],
  ['a number that is not due', () => ({ number: 1 }), /payload 1 .* where number 0 was due/],
  ['too few bytes', () => ({ byteLength: 39_996 }), /sent 39996 bytes for bucket 0 bytes 0–40000, 40000 expected/],
  ['too many bytes', () => ({ byteLength: 40_004 }), /sent 40004 bytes for/],
  ['half a value', () => ({ byteLength: 39_998 }), /39998 bytes is no row of float32 values/],
];

for (const [what, change, pattern] of cases) {
  test(`a peer whose shared payload has ${what} is named`, { skip }, async (t) => {
    const error = await pullFromFake(t, (stream, sending, header) => {
      const payload = sending.put(new Float32Array(10_000).fill(2));
      void stream.send(sharedSegmentMessage(header, { ...payload, ...change(payload) }));
    });
    assert.equal(error.code, 'collective/corrupt', error.message);
    assert.match(error.message, /^rank 1 \(worker w-1\) sent/);
    assert.match(error.message, pattern);
  });
}

test('where memory is short, as in a container, one notice says so and nothing is kept', { skip }, (t) => {
  const mounted = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$0" "$@"';
  const script = `
    import { statfsSync } from 'node:fs';
    import { HostMemory } from ${JSON.stringify(new URL('../../worker/collective/host-memory.js', import.meta.url).href)};
    const notices = [];
    const [mine, peers] = [1, 2].map(() => new HostMemory({ sent: 0, received: 0 }, (text) => notices.push(text)));
    const free = statfsSync('/dev/shm').bfree;
    const slots = [1, 2, 3].map(() => mine.offer(1024 * 1024));
    const accepted = slots.map(({ offer }) => peers.accept(offer, 'w-1') !== undefined);
    for (const slot of slots) slot.close();
    console.log(JSON.stringify({ accepted, notices, kept: free - statfsSync('/dev/shm').bfree }));`;
  const child = [process.execPath, '--input-type=module', '-e', script];
  const { status, stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', mounted, ...child], { encoding: 'utf8' });
  if (status !== 0) return t.skip(`a memory file system of 1 MB cannot be mounted here: ${stderr?.trim()}`);
  const { accepted, notices, kept } = JSON.parse(stdout);
  assert.deepEqual(accepted, [false, false, false]);
  assert.equal(kept, 0);
  assert.equal(notices.length, 1);
  assert.match(notices[0], /^gradients for worker w-1 go over gRPC, not through shared memory, .*ENOSPC/);
});
