import { createHash } from 'node:crypto';
import { LockstepError } from '../../../shared/core/index.ts';

export const manifestFile = 'manifest.json';

/** Facts by what people call them. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** Everything about a checkpoint but its arrays. */
export interface CheckpointFacts {
  /** Committed steps. */
  readonly step: number;
  /** What a run must share to go on from here. */
  readonly identity: Facts;
  /** What decides the bits of what follows besides: versions, device, threads. */
  readonly environment: Facts;
  /** Means that the last whole epoch before it came to, by their names in logs; what `best` goes by. */
  readonly measured: Readonly<Record<string, number>>;
  /** Where the run stands: anything that JSON holds. */
  readonly progress: unknown;
}

/** `manifest.json`: written last, so that a checkpoint with one is whole. */
export interface Manifest extends CheckpointFacts {
  readonly format: 1;
  /** ISO 8601, UTC; for people. */
  readonly writtenAt: string;
  /** Files of each group of arrays, in order. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly parts: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  /** SHA-256 over JSON.stringify of the manifest with this field empty. */
  readonly manifestSha256: string;
}

/** `step-000000120`: in the order of names steps are in order. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(9, '0')}`;
}

export function isCheckpointName(name: string): boolean {
  return /^step-\d{9,}$/.test(name);
}

export function encodeManifest(manifest: Omit<Manifest, 'manifestSha256'>): Uint8Array {
  // Through JSON once, so that what is hashed here is what a reader gets back.
  const plain = JSON.parse(JSON.stringify({ ...manifest, manifestSha256: '' })) as Manifest;
  return Buffer.from(`${JSON.stringify({ ...plain, manifestSha256: sealOf(plain) }, null, 1)}\n`);
}

/** @param path for messages @throws LockstepError checkpoint/corrupt */
export function parseManifest(bytes: Uint8Array, path: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(Buffer.from(bytes).toString('utf8')) as Manifest;
  } catch (cause) {
    throw corrupt(path, `is not JSON after ${bytes.byteLength} bytes: torn or altered`, cause);
  }
  if (manifest?.format !== 1) {
    throw corrupt(path, `has format ${JSON.stringify(manifest?.format)}; this version of Lockstep reads 1`);
  }
  if (manifest.manifestSha256 !== sealOf(manifest)) {
    throw corrupt(path, 'was altered: its content does not match its SHA-256');
  }
  return manifest;
}

export function corrupt(path: string, problem: string, cause?: unknown): LockstepError {
  return new LockstepError('checkpoint/corrupt', `${path} ${problem}`, { details: { path }, cause });
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function sealOf(manifest: Manifest): string {
  return sha256(Buffer.from(JSON.stringify({ ...manifest, manifestSha256: '' })));
}
