import { createHash } from 'node:crypto';
import { type DatasetDescription, type Job, type TensorSpec, withoutLocations } from '../../shared/job/index.ts';
import type { RunPlan } from './run-plan.ts';

/** Everything that must be equal on all workers for one step to mean the same on each of them. */
export interface JobFingerprint {
  readonly jobFileHash: string;
  readonly topology: unknown;
  readonly initialWeightsSha256: string;
  /** Of the compiled step, which holds what layers, losses and metrics of the job's own do; null op by op. */
  readonly graphSha256: string | null;
  /** Callbacks are code and state: what they are is in the job file's hash. */
  readonly job: Omit<Job, 'model' | 'data' | 'callbacks'>;
  readonly train: { readonly inputs: readonly TensorSpec[]; readonly targets: readonly TensorSpec[] };
  readonly datasetSizes: Readonly<Record<string, number>>;
  readonly datasets: Readonly<Record<string, DatasetDescription>>;
  /** SHA-256 of each split's own reader module, where it has one. */
  readonly readers: Readonly<Record<string, string>>;
  /** Vocabularies, means and the like that the data sets use, by key. */
  readonly adapted: Readonly<Record<string, unknown>>;
  readonly plan: RunPlan;
}

/** SHA-256 of the fingerprint's JSON with sorted keys; where files are is left out. */
export function hashJob(fingerprint: JobFingerprint): string {
  // Paths may differ between hosts; the sizes and shapes of what is read may not.
  const datasets = Object.entries(fingerprint.datasets).map(([split, dataset]) => [split, withoutLocations(dataset)]);
  return hashOf({ ...fingerprint, datasets });
}

/** SHA-256 of a value's JSON with sorted keys. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (ArrayBuffer.isView(item)) return { bytes: item.byteLength };
    // What it captures from outside of itself is in the compiled step's hash alone.
    if (typeof item === 'function') return { source: String(item) };
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
