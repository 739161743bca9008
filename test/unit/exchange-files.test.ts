import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSafetensors, writeSafetensors } from '../../worker/checkpoint/safetensors.ts';
import { readHdf5, writeHdf5 } from '../../worker/exchange/hdf5.ts';
import { readZip, writeZip } from '../../worker/exchange/zip.ts';

const arrays = [
  { name: 'dense/kernel', shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
  { name: 'none', shape: [0], values: new Float32Array() },
  { name: 'größe', shape: [], values: Float32Array.of(-0) },
];

test('safetensors gives back what was written', () => {
  const name = fc.string({ minLength: 1 }).filter((text) => text !== '__metadata__');
  const array = fc
    .array(fc.float(), { maxLength: 20 })
    .map((values) => ({ shape: [values.length], values: Float32Array.from(values) }));
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, array), { selector: ([key]) => key }), (entries) => {
      const given = entries.map(([key, value]) => ({ name: key, ...value }));
      const byName = new Map(
        readSafetensors(writeSafetensors(given, { key: 'ü' })).arrays.map((item) => [item.name, item]),
      );
      assert.equal(byName.size, given.length);
      for (const item of given) assert.deepEqual(byName.get(item.name), item);
    }),
  );
});

test('a torn safetensors file is refused wherever it is cut', () => {
  const bytes = writeSafetensors(arrays, {});
  assert.deepEqual(readSafetensors(bytes), { arrays, metadata: {} });
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => readSafetensors(bytes.subarray(0, length)), /torn|instead of/, `${length} bytes`);
  }
});

test('safetensors of other types are refused by name', () => {
  const text = JSON.stringify({ half: { dtype: 'F16', shape: [2], data_offsets: [0, 4] } }).padEnd(64);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(64n);
  assert.throws(
    () => readSafetensors(Buffer.concat([prefix, Buffer.from(text), Buffer.alloc(4)])),
    /half is of type F16/,
  );
});

test('a zip file gives back its entries, and one with an altered byte in them is refused', () => {
  const entries = { 'a.json': Buffer.from('{"a":1}'), 'b.bin': Buffer.from([1, 2, 3]) };
  const bytes = writeZip(entries);
  assert.deepEqual(writeZip(entries), bytes, 'equal content, equal bytes');
  assert.deepEqual(Object.keys(readZip(bytes)), ['a.json', 'b.bin']);
  const altered = Buffer.from(bytes);
  altered[altered.indexOf('{"a":1}') + 2] = 98;
  assert.throws(() => readZip(altered), /a\.json fails its checksum/);
  assert.throws(() => readZip(bytes.subarray(0, bytes.length - 30)));
});

test('an HDF5 file gives back its groups and arrays', async () => {
  const named = arrays.map(({ name, ...array }) => ({ path: `layers/${name}`, ...array })).slice(0, 1);
  const bytes = await writeHdf5([{ path: 'layers/empty/vars', attributes: { name: 'empty' } }], named);
  const { arrays: found, attributes } = await readHdf5(bytes);
  assert.deepEqual([...found.values()], named);
  assert.equal(attributes.get('layers/empty/vars')?.['name'], 'empty');
  await assert.rejects(readHdf5(Buffer.from('something else')), /not an HDF5 file/);
  await assert.rejects(readHdf5(bytes.subarray(0, bytes.length >> 1)));
});
