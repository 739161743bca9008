import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCheckpoint, openCheckpoint } from '../../worker/checkpoint/training/find-checkpoint.ts';
import { openStorage } from '../../worker/checkpoint/training/storage.ts';
import { retainCheckpoints, writeCheckpoint } from '../../worker/checkpoint/training/write-checkpoint.ts';
import { checkpointOf } from './checkpoint-fixtures.ts';

export interface StorageUnderTest {
  /** A place that nothing is in yet. */
  fresh(): string;
  /** Puts other bytes in place of a stored file; null takes it away. */
  tamper(location: string, checkpoint: string, file: string, change: (bytes: Buffer) => Buffer | null): Promise<void>;
}

const unexpected = (error: Error): never => assert.fail(error);

/** What every place for checkpoints must do. */
export function checkpointStorageContract(name: string, { fresh, tamper }: StorageUnderTest): void {
  test(`${name}: a file that was put is read back, listed and removed, in a place that was not there`, async () => {
    const storage = await openStorage(fresh());
    assert.deepEqual(await storage.list(), []);
    assert.equal(await storage.get('step-000000001', 'a'), null);
    const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
    await storage.put('step-000000001', 'a', bytes);
    await storage.put('step-000000001', 'b', new Uint8Array());
    await storage.put('step-000000002', 'a', bytes.subarray(3));
    await storage.put('step-000000001', 'a', bytes.subarray(1));
    assert.deepEqual(new Uint8Array((await storage.get('step-000000001', 'a')) ?? []), bytes.subarray(1));
    assert.equal((await storage.get('step-000000001', 'b'))?.length, 0);
    const listed = (await storage.list()).map((entry) => `${entry.name}: ${[...entry.files].sort().join(' ')}`).sort();
    assert.deepEqual(listed, ['step-000000001: a b', 'step-000000002: a']);
    await storage.remove('step-000000001', 'a');
    await storage.remove('step-000000007', 'a');
    assert.deepEqual(await storage.list(), [{ name: 'step-000000002', files: ['a'] }]);
    storage.close();
  });

  test(`${name}: a checkpoint comes back with every bit, the newest first, cut in parts or not`, async () => {
    const location = fresh();
    const storage = await openStorage(location);
    assert.equal(await findCheckpoint(location, unexpected), null);
    await writeCheckpoint(storage, checkpointOf(999));
    const written = await writeCheckpoint(storage, checkpointOf(1000), 24);
    assert.equal(written.name, 'step-000001000');
    const found = await findCheckpoint(location, unexpected);
    assert.ok(found !== null);
    const { place, sha256, ...content } = found;
    assert.deepEqual(content, checkpointOf(1000));
    assert.equal(place, `${location}/step-000001000`);
    assert.equal((await openCheckpoint(`${location}/step-000000999`)).step, 999);
    assert.notEqual((await openCheckpoint(`${location}/step-000000999/`)).sha256, sha256);
    storage.close();
  });

  test(`${name}: what is torn or altered is refused by name, and the one before it is used`, async () => {
    const changes: readonly (readonly [string, (bytes: Buffer) => Buffer | null, RegExp])[] = [
      [
        'weights-1of1.safetensors',
        (bytes) => bytes.subarray(0, -1),
        /weights-1of1\.safetensors has \d+ bytes; expected \d+: torn/,
      ],
      ['slots-1of1.safetensors', (bytes) => flipped(bytes, -2), /slots-1of1\.safetensors was altered: SHA-256/],
      ['slots-1of1.safetensors', () => null, /slots-1of1\.safetensors is missing/],
      ['manifest.json', (bytes) => bytes.subarray(0, 40), /manifest\.json is not JSON after 40 bytes/],
      ['manifest.json', () => Buffer.alloc(0), /manifest\.json is not JSON after 0 bytes/],
      [
        'manifest.json',
        (bytes) => Buffer.from(String(bytes).replace('"seed": 7', '"seed": 8')),
        /manifest\.json was altered/,
      ],
    ];
    const location = fresh();
    const storage = await openStorage(location);
    for (const step of [10, 20]) await writeCheckpoint(storage, checkpointOf(step));
    for (const [file, change, message] of changes) {
      await writeCheckpoint(storage, checkpointOf(30));
      await tamper(location, 'step-000000030', file, change);
      const refused: string[] = [];
      const found = await findCheckpoint(location, (error) => refused.push(`${error.code} ${error.message}`));
      assert.equal(found?.step, 20, String(message));
      assert.equal(refused.length, 1);
      assert.match(refused[0] ?? '', message);
      assert.match(refused[0] ?? '', /^checkpoint\/corrupt .*step-000000030/);
      await assert.rejects(openCheckpoint(`${location}/step-000000030`), { code: 'checkpoint/corrupt' });
    }
    storage.close();
  });

  test(`${name}: a try without its manifest never was a checkpoint; where none is good nothing begins anew`, async () => {
    const location = fresh();
    const storage = await openStorage(location);
    await writeCheckpoint(storage, checkpointOf(10));
    await tamper(location, 'step-000000010', 'manifest.json', () => null);
    assert.equal(await findCheckpoint(location, unexpected), null);
    await writeCheckpoint(storage, checkpointOf(20));
    await tamper(location, 'step-000000020', 'manifest.json', (bytes) => flipped(bytes, 9));
    await assert.rejects(
      findCheckpoint(location, () => {}),
      /none of the 1 checkpoints in .* is good/,
    );
    storage.close();
  });

  test(`${name}: the last ones and the best one stay, and what cut-off tries left goes`, async () => {
    const location = fresh();
    const storage = await openStorage(location);
    const losses = [0.9, 0.3, 0.5, Number.NaN, 0.4];
    for (const [index, val_loss] of losses.entries()) {
      await writeCheckpoint(storage, checkpointOf(10 * (index + 1), { val_loss }));
    }
    await storage.put('step-000000060', 'weights-1of1.safetensors', new Uint8Array(10));
    await storage.put('notes', 'mine.txt', new Uint8Array(10));
    await retainCheckpoints(storage, { keep: 2, best: { measured: 'val_loss', isGreaterBetter: false } });
    const names = (await storage.list()).map((entry) => entry.name).sort();
    assert.deepEqual(names, ['notes', 'step-000000020', 'step-000000040', 'step-000000050']);
    storage.close();
  });
}

function flipped(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8((copy.at(index) ?? 0) ^ 4, index < 0 ? copy.length + index : index);
  return copy;
}
