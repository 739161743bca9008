import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DirectoryStorage } from '../../worker/checkpoint/training/directory-storage.ts';
import { findCheckpoint } from '../../worker/checkpoint/training/find-checkpoint.ts';
import { surplusCheckpoints } from '../../worker/checkpoint/training/retention.ts';
import { writeCheckpoint } from '../../worker/checkpoint/training/write-checkpoint.ts';
import { checkpointOf } from '../support/checkpoint-fixtures.ts';
import { checkpointStorageContract } from '../support/checkpoint-storage-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'lockstep-checkpoints-'));
after(() => rmSync(root, { recursive: true, force: true }));

let places = 0;
const fresh = (): string => join(root, String(places++), 'not-there-yet');

checkpointStorageContract('a directory', {
  fresh,
  tamper: async (location, checkpoint, file, change) => {
    const path = join(location, checkpoint, file);
    const changed = change(readFileSync(path));
    if (changed === null) rmSync(path);
    else writeFileSync(path, changed);
  },
});

/** Writes like the system until `limit` bytes in all are written, then dies: nothing that comes after happens. */
function diesAfter(limit: number): { storage: DirectoryStorage; location: string } {
  const location = fresh();
  let left = limit;
  const write = async (path: string, bytes: Uint8Array): Promise<void> => {
    if (left < 0) throw new Error('dead');
    const file = await open(path, 'wx');
    await file.writeFile(bytes.subarray(0, left));
    await file.close();
    left -= bytes.byteLength;
    if (left < 0) throw new Error('dead');
  };
  return { storage: new DirectoryStorage(location, { write }), location };
}

test('a crash at any byte of a write leaves the checkpoint before it, or the new one whole', async () => {
  const first = checkpointOf(1);
  const { bytes } = await writeCheckpoint(new DirectoryStorage(fresh()), first);
  for (let extra = 0; extra <= bytes; extra += extra < 8 || extra > bytes - 64 ? 3 : 61) {
    const { storage, location } = diesAfter(bytes + extra);
    await writeCheckpoint(storage, first);
    await writeCheckpoint(storage, checkpointOf(2)).catch((error: Error) => assert.equal(error.message, 'dead'));
    const found = await findCheckpoint(location, (error) => assert.fail(error));
    assert.equal(found?.step, extra < bytes ? 1 : 2, `${extra} of ${bytes} bytes`);
    rmSync(location, { recursive: true });
  }
});

test('a file cut at any byte, as by a disk that forgot what it said it had, is refused', async () => {
  const location = fresh();
  const storage = new DirectoryStorage(location);
  await writeCheckpoint(storage, checkpointOf(1));
  for (const file of ['manifest.json', 'weights-1of1.safetensors', 'slots-1of1.safetensors']) {
    await writeCheckpoint(storage, checkpointOf(2));
    const path = join(location, 'step-000000002', file);
    for (let length = statSync(path).size - 1; length >= 0; length -= 7) {
      truncateSync(path, length);
      let refused = '';
      const found = await findCheckpoint(location, (error) => {
        refused = error.message;
      });
      // The line's end after the manifest's last brace is not a part of it.
      if (file === 'manifest.json' && found?.step === 2) continue;
      assert.equal(found?.step, 1, `${file} cut to ${length} bytes`);
      assert.match(refused, new RegExp(file));
    }
  }
});

test('the newest stay, and the first of the best', () => {
  const kept = [5, 1, 3, 3, 9].map((accuracy, index) => ({ name: `${index}`, step: index, measured: { accuracy } }));
  const best = (isGreaterBetter: boolean) => ({ measured: 'accuracy', isGreaterBetter });
  assert.deepEqual(surplusCheckpoints(kept, { keep: 2, best: null }), ['0', '1', '2']);
  assert.deepEqual(surplusCheckpoints([...kept].reverse(), { keep: 2, best: best(false) }), ['0', '2']);
  assert.deepEqual(surplusCheckpoints(kept, { keep: 1, best: best(true) }), ['0', '1', '2', '3']);
  assert.deepEqual(surplusCheckpoints(kept, { keep: 9, best: null }), []);
  assert.deepEqual(surplusCheckpoints(kept, { keep: 3, best: { measured: 'loss', isGreaterBetter: false } }), [
    '0',
    '1',
  ]);
});
