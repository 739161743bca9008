import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findCheckpoint } from '../../worker/checkpoint/training/find-checkpoint.ts';
import { openStorage } from '../../worker/checkpoint/training/storage.ts';
import { writeCheckpoint } from '../../worker/checkpoint/training/write-checkpoint.ts';
import { checkpointOf } from '../support/checkpoint-fixtures.ts';
import { checkpointStorageContract } from '../support/checkpoint-storage-contract.ts';
import { FakeS3, type S3Fault } from '../support/fake-s3.ts';

let fake: FakeS3;
before(async () => {
  fake = await FakeS3.start();
  Object.assign(process.env, fake.env);
});
after(() => fake.close());

let places = 0;
const fresh = (): string => `s3://bucket/runs/run ${places++}`;
const keyOf = (location: string, rest: string): string => `${location.slice('s3://'.length)}/${rest}`;

checkpointStorageContract('a bucket', {
  fresh,
  tamper: async (location, checkpoint, file, change) => {
    const key = keyOf(location, `${checkpoint}/${file}`);
    const changed = change(fake.objects.get(key) ?? Buffer.alloc(0));
    if (changed === null) fake.objects.delete(key);
    else fake.objects.set(key, changed);
  },
});

/** Writes two checkpoints, the second one with faults, and gives the step that is found then. */
async function withFaults(fault: (request: { method: string; key: string }, count: number) => S3Fault | null) {
  const location = fresh();
  const storage = await openStorage(location);
  await writeCheckpoint(storage, checkpointOf(1));
  let count = 0;
  fake.fault = (request) => fault(request, count++);
  const failure = await writeCheckpoint(storage, checkpointOf(2)).then(
    () => null,
    (error: Error) => error.message || error.name,
  );
  fake.fault = () => null;
  const found = await findCheckpoint(location, (error) => assert.fail(error));
  storage.close();
  return { failure, step: found?.step };
}

test('a service that is unavailable at first is tried again', async () => {
  assert.deepEqual(await withFaults((_, count) => (count % 2 === 0 ? 'unavailable' : null)), {
    failure: null,
    step: 2,
  });
});

test('a service that stays unavailable fails the checkpoint, and the one before it stays', async () => {
  const { failure, step } = await withFaults(({ key }) => (key.includes('manifest') ? 'unavailable' : null));
  assert.match(failure ?? '', /InternalError|UnknownError/);
  assert.equal(step, 1);
});

test('an upload that is cut off does not appear', async () => {
  const { failure, step } = await withFaults(({ method, key }) =>
    method === 'PUT' && key.includes('slots') ? 'torn' : null,
  );
  assert.notEqual(failure, null);
  assert.equal(step, 1);
});

test('an upload that is stored with other bytes is noticed when it is read back', async () => {
  const { failure, step } = await withFaults(({ method, key }) =>
    method === 'PUT' && key.includes('weights') ? 'altered' : null,
  );
  assert.match(failure ?? '', /weights-1of1\.safetensors reads back with other bytes/);
  assert.equal(step, 1);
});

test('what is no bucket is refused', async () => {
  await assert.rejects(openStorage('s3://'), { code: 'config/invalid' });
});
