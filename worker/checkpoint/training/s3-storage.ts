import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { LockstepError } from '../../../shared/core/index.ts';
import type { CheckpointStorage, StoredCheckpoint } from './storage.ts';

/** Tries of one request, the first included: with the client's waits in between, some seconds of a service's faults. */
const MAX_ATTEMPTS = 5;

/**
 * Checkpoints in a bucket of an S3-compatible service. Region, credentials and the service's address come from where
 * all of AWS's programs take them: the environment (AWS_ENDPOINT_URL for other services), profiles, the machine's role.
 * @param location `s3://bucket/prefix` @throws LockstepError config/invalid
 */
export function openBucket(location: string): CheckpointStorage {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/.exec(location) ?? [];
  if (bucket === undefined) {
    throw new LockstepError('config/invalid', `${location}: expected s3://BUCKET or s3://BUCKET/PREFIX`);
  }
  const { env } = process;
  const isElsewhere = (env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL']) !== undefined;
  const client = new S3Client({
    maxAttempts: MAX_ATTEMPTS,
    // Other services rarely have a host name for each bucket, and not all know AWS's newer checksums.
    ...(isElsewhere
      ? {
          forcePathStyle: true,
          requestChecksumCalculation: 'WHEN_REQUIRED',
          responseChecksumValidation: 'WHEN_REQUIRED',
        }
      : {}),
    ...((env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']) === undefined && isElsewhere ? { region: 'us-east-1' } : {}),
  });
  return new BucketStorage(client, bucket, prefix, location);
}

/** An object appears when its upload is complete: a put is whole or not at all by itself. */
class BucketStorage implements CheckpointStorage {
  readonly location: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(client: S3Client, bucket: string, prefix: string, location: string) {
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.location = location;
  }

  async put(checkpoint: string, file: string, bytes: Uint8Array): Promise<void> {
    const object = { ...this.#object(checkpoint, file), Body: bytes, ContentLength: bytes.byteLength };
    await this.#client.send(new PutObjectCommand(object));
  }

  async get(checkpoint: string, file: string): Promise<Uint8Array | null> {
    try {
      const { Body } = await this.#client.send(new GetObjectCommand(this.#object(checkpoint, file)));
      return Body === undefined ? new Uint8Array() : await Body.transformToByteArray();
    } catch (error) {
      if ((error as { name?: string }).name === 'NoSuchKey') return null;
      throw error;
    }
  }

  async list(): Promise<StoredCheckpoint[]> {
    const files = new Map<string, string[]>();
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#bucket,
          Prefix: this.#prefix,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
      for (const { Key = '' } of page.Contents ?? []) {
        const [name = '', file, ...deeper] = Key.slice(this.#prefix.length).split('/');
        if (file === undefined || deeper.length > 0) continue;
        files.set(name, [...(files.get(name) ?? []), file]);
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
    return [...files].map(([name, own]) => ({ name, files: own }));
  }

  async remove(checkpoint: string, first: string): Promise<void> {
    const own = (await this.list()).find(({ name }) => name === checkpoint)?.files ?? [];
    // One by one: not every service can delete several at once.
    for (const file of [...own.filter((name) => name === first), ...own.filter((name) => name !== first)]) {
      await this.#client.send(new DeleteObjectCommand(this.#object(checkpoint, file)));
    }
  }

  close(): void {
    this.#client.destroy();
  }

  #object(checkpoint: string, file: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${checkpoint}/${file}` };
  }
}
