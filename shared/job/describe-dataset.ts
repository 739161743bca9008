import { fileURLToPath } from 'node:url';
import { LockstepError } from '../core/index.ts';
import { show } from './checks.ts';
import { Dataset } from './dataset.ts';
import type { DatasetDescription } from './job.ts';

/** Where a data set's files are: a path (relative ones from the worker's current directory) or a file: URL. */
export type Directory = string | URL;

/** @throws LockstepError job/invalid for a location that is neither path nor URL */
export function describe(
  kind: string,
  options: object,
  location?: Directory,
  fromUrl: (url: URL) => string = fileURLToPath,
): Dataset {
  if (location !== undefined && !(location instanceof URL) && typeof location !== 'string') {
    throw new LockstepError('job/invalid', `${kind}: directory must be a path or a URL, got ${show(location)}.`);
  }
  return new Dataset({
    kind,
    options: { ...options },
    ...(location === undefined ? {} : { location: location instanceof URL ? fromUrl(location) : location }),
    transforms: [],
  });
}

/** @throws LockstepError job/invalid */
export function checkFileName(field: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new LockstepError('job/invalid', `${field} must be a file name, got ${show(value)}.`);
}

/** The description as it is on every host: without where its files, and those of data sets it adapts to, are. */
export function withoutLocations({ location: _, ...what }: DatasetDescription): DatasetDescription {
  const transforms = what.transforms.map((transform) =>
    'adaptTo' in transform ? { ...transform, adaptTo: withoutLocations(transform.adaptTo) } : transform,
  );
  return { ...what, transforms };
}

/** The data set itself and all that its transforms adapt to. */
export function describedDatasets(dataset: DatasetDescription): readonly DatasetDescription[] {
  const adapted = dataset.transforms.flatMap((transform) =>
    'adaptTo' in transform ? describedDatasets(transform.adaptTo) : [],
  );
  return [dataset, ...adapted];
}
