import { join } from 'node:path';
import { cacheDirectory } from '../../../shared/download/index.ts';
import { type FileNeeds, findDirectory } from '../files/data-files.ts';
import type { OpenContext } from '../source.ts';
import { catalogue, contentsOf, type RemoteDataset, type RemoteName } from './catalogue.ts';
import { fetchDataset } from './fetch-dataset.ts';

/**
 * The directory of a data set that has an official place: the job's or the run's if one was given, else the user's
 * cache, into which the files are downloaded if they are not there yet.
 * @throws LockstepError data/missing, data/corrupt
 */
export async function downloadedDirectory(
  name: RemoteName,
  location: string | undefined,
  context: OpenContext,
): Promise<string> {
  const dataset: RemoteDataset = catalogue[name];
  if (location !== undefined || context.directory !== undefined) {
    return findDirectory(location, context.directory, needsOf(dataset));
  }
  const directory = join(cacheDirectory(), 'datasets', name);
  await fetchDataset(dataset, directory, { onProgress: context.onProgress });
  return dataset.unpacked === undefined ? directory : join(directory, dataset.unpacked.folder);
}

function needsOf(dataset: RemoteDataset): FileNeeds {
  const { title: name, unpacked } = dataset;
  return { name, contents: contentsOf(dataset), ...(unpacked === undefined ? {} : { folder: unpacked.folder }) };
}
