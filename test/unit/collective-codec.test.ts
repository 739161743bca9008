import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { lockstep } from '../../proto/generated/lockstep.js';
import { LockstepError } from '../../shared/core/index.ts';
import { toBuffer } from '../../shared/rpc/index.ts';
import { decodeSegment, sharedSegmentMessage } from '../../worker/collective/segment-codec.ts';
import { encodeSegment } from '../support/encode-segment.ts';
import { sameBits, wildFloats } from '../support/reference-sum.ts';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const headers = fc.record(
  { generation: uint32, step: uint32, bucket: uint32, stage: fc.nat(1), offset: uint32 },
  { noNullPrototype: true },
);
const lengths = fc.oneof(fc.nat(80), fc.constantFrom(4095, 4096, 40_000));
const bytesOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

test('what is encoded is decoded, and protobuf’s own decoder reads the same', () => {
  fc.assert(
    fc.property(headers, lengths, (header, length) => {
      const values = wildFloats(length, length);
      const bytes = encodeSegment(header, values);
      const { payload, shared, sparse, ...rest } = decodeSegment(bytes, 'float32', 'rank 1');
      assert.deepEqual([shared, sparse], [undefined, undefined]);
      assert.deepEqual(rest, header);
      sameBits(payload as Float32Array, values);
      const other = lockstep.v1.Segment.decode(bytes);
      assert.deepEqual(
        {
          generation: other.generation,
          step: other.step,
          bucket: other.bucket,
          stage: other.stage,
          offset: other.offset,
        },
        header,
      );
      assert.ok(bytesOf(values).equals(other.payload));
      assert.equal(other.checksum, crc32(bytesOf(values)));
    }),
  );
});

test('what protobuf’s own encoder writes is decoded, with and without fields that are zero', () => {
  fc.assert(
    fc.property(headers, lengths, fc.boolean(), (header, length, omitZeros) => {
      const values = wildFloats(length, length);
      const all = { ...header, checksum: crc32(bytesOf(values)), payload: bytesOf(values) };
      const written = omitZeros ? Object.fromEntries(Object.entries(all).filter(([, value]) => value !== 0)) : all;
      const { payload, shared, sparse, ...rest } = decodeSegment(
        lockstep.v1.Segment.encode(written).finish(),
        'float32',
        'rank 1',
      );
      assert.deepEqual([shared, sparse], [undefined, undefined]);
      assert.deepEqual(rest, header);
      sameBits(payload as Float32Array, values);
    }),
  );
});

test('behind gRPC’s five bytes the floats are aligned and used where they are', () => {
  for (const length of [0, 1, 31, 32, 33, 4095, 4096, 262_144, 600_000]) {
    const message = encodeSegment({ generation: 1, step: 2, bucket: 3, stage: 0, offset: 4 }, new Float32Array(length));
    const frame = new Uint8Array(5 + message.length);
    frame.set(message, 5);
    const { payload } = decodeSegment(Buffer.from(frame.buffer, 5), 'float32', 'rank 1');
    assert.equal(payload.buffer, frame.buffer, `${length} values were copied`);
  }
});

test('bfloat16 values are two bytes each, aligned, and used where they are', () => {
  for (const length of [0, 1, 2, 31, 33, 4095, 262_145]) {
    const values = new Uint16Array(length).map((_, index) => index * 257);
    const header = { generation: 1, step: 2, bucket: 3, stage: 0, offset: 2 };
    const message = encodeSegment(header, values);
    const frame = new Uint8Array(5 + message.length);
    frame.set(message, 5);
    const { payload, shared, sparse, ...rest } = decodeSegment(Buffer.from(frame.buffer, 5), 'bfloat16', 'rank 1');
    assert.equal(shared, undefined);
    assert.deepEqual(rest, header);
    assert.deepEqual(payload, values);
    assert.equal(payload.buffer, frame.buffer, `${length} values were copied`);
  }
});

test('of a payload in shared memory the place is told, the same to protobuf’s own decoder', () => {
  const payloads = fc.record({ byteLength: uint32.map((n) => n & ~3), number: uint32, checksum: uint32 });
  fc.assert(
    fc.property(headers, payloads, (header, payload) => {
      fc.pre(payload.byteLength > 0);
      const bytes = toBuffer(sharedSegmentMessage(header, payload));
      const segment = decodeSegment(bytes, 'float32', 'rank 1');
      assert.deepEqual(segment, { ...header, shared: { ...payload }, sparse: undefined, payload: new Float32Array(0) });
      const { sharedBytes, sharedNumber, checksum } = lockstep.v1.Segment.decode(bytes);
      assert.deepEqual({ byteLength: sharedBytes, number: sharedNumber, checksum }, { ...payload });
    }),
  );
});

test('an altered payload byte is never accepted', () => {
  const values = wildFloats(100, 3);
  const bytes = encodeSegment({ generation: 14, step: 812, bucket: 3, stage: 0, offset: 4096 }, values);
  const start = bytes.length - values.byteLength;
  fc.assert(
    fc.property(fc.integer({ min: start, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const altered = Buffer.from(bytes);
      altered[at] = (altered[at] as number) ^ flip;
      assert.throws(
        () => decodeSegment(altered, 'float32', 'rank 1 (worker w-1)'),
        (error: LockstepError) =>
          error.code === 'collective/corrupt' &&
          /^rank 1 \(worker w-1\) sent a corrupt segment .*checksum.*step 812, bucket 3, byte 4096/.test(error.message),
      );
    }),
  );
});

test('any bytes, and any damage to a segment, give a segment or collective/corrupt', () => {
  const valid = encodeSegment({ generation: 14, step: 812, bucket: 3, stage: 1, offset: 4096 }, wildFloats(20, 4));
  const damaged = fc
    .array(fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Buffer.from(valid);
      for (const { at, byte } of changes) bytes[at] = byte;
      return bytes;
    });
  const cut = fc.nat(valid.length - 1).map((length) => valid.subarray(0, length));
  const doubled = fc.constant(Buffer.concat([valid, valid]));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged, cut, doubled), (bytes) => {
      try {
        const { payload } = decodeSegment(bytes, 'float32', 'rank 1');
        assert.ok(payload.length === 0 || bytesOf(payload as Float32Array).equals(valid.subarray(valid.length - 80)));
      } catch (error) {
        assert.ok(error instanceof LockstepError && error.code === 'collective/corrupt', String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('each kind of damage is told', () => {
  const valid = encodeSegment({ generation: 1, step: 2, bucket: 3, stage: 0, offset: 4 }, new Float32Array(4));
  const cases: [string, Uint8Array, RegExp][] = [
    ['a field twice', Buffer.concat([valid, valid.subarray(0, 5)]), /field 1 comes twice/],
    ['an unknown field', Buffer.concat([valid, Buffer.from([0x40, 1])]), /unknown field tag 64/],
    ['truncation in the payload', valid.subarray(0, -1), /field 15 of 16 bytes in a message with 15 left/],
    ['truncation in a header field', valid.subarray(0, 3), /ends inside field 1/],
    [
      'a payload that is no row of values',
      lockstep.v1.Segment.encode({ payload: Buffer.alloc(3) }).finish(),
      /3 bytes is no/,
    ],
    ['too much padding', lockstep.v1.Segment.encode({ padding: Buffer.alloc(4) }).finish(), /4 bytes of padding/],
    [
      'a shared payload that is no row of values',
      lockstep.v1.Segment.encode({ sharedBytes: 6 }).finish(),
      /6 bytes is no row/,
    ],
    [
      'a payload in two places',
      lockstep.v1.Segment.encode({ sharedBytes: 4, payload: Buffer.alloc(4) }).finish(),
      /payloads in it and in shared memory/,
    ],
    ['a length without an end', Buffer.from([0x7a, 0x80, 0x80]), /ends inside a length/],
    ['a length that is too long', Buffer.from([0x7a, 0x80, 0x80, 0x80, 0x80, 0x80, 1]), /more than 5 bytes/],
  ];
  for (const [what, bytes, pattern] of cases) {
    assert.throws(
      () => decodeSegment(bytes, 'float32', 'rank 1'),
      { code: 'collective/corrupt', message: pattern },
      what,
    );
  }
});
