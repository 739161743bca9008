import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attribute, Dataset, File, Group } from 'h5wasm/node';

type Library = typeof import('h5wasm/node');

/** An array in an HDF5 file. */
export interface Hdf5Array {
  readonly path: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What is read of a file: its arrays, the attributes of its groups, by path. */
export interface Hdf5Content {
  readonly arrays: ReadonlyMap<string, Hdf5Array>;
  readonly attributes: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

export interface Hdf5Group {
  readonly path: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What an HDF5 file begins with. */
const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

/** The bytes of an HDF5 file with these groups and arrays. */
export async function writeHdf5(groups: readonly Hdf5Group[], arrays: readonly Hdf5Array[]): Promise<Uint8Array> {
  return inTemporaryFile(null, 'w', (file, library) => {
    for (const { path, attributes } of groups) {
      const group = makeGroup(library, file, path);
      for (const [name, value] of Object.entries(attributes)) group.create_attribute(name, value);
    }
    for (const { path, shape, values } of arrays) {
      const [name = '', ...parents] = path.split('/').reverse();
      const group = makeGroup(library, file, parents.reverse().join('/'));
      group.create_dataset({ name, data: values, shape: [...shape], dtype: '<f4' });
    }
  });
}

/** @throws Error for bytes that are no whole HDF5 file, naming what is wrong */
export async function readHdf5(bytes: Uint8Array): Promise<Hdf5Content> {
  if (!SIGNATURE.equals(bytes.subarray(0, SIGNATURE.length))) throw new Error('it is not an HDF5 file');
  const arrays = new Map<string, Hdf5Array>();
  const attributes = new Map<string, Readonly<Record<string, unknown>>>();
  await inTemporaryFile(bytes, 'r', (file, { Group, Dataset }) => {
    const visit = (group: Group, at: string): void => {
      attributes.set(at, readAttributes(group.attrs));
      for (const name of group.keys()) {
        const path = at === '' ? name : `${at}/${name}`;
        const item = group.get(name);
        if (item instanceof Group) visit(item, path);
        else if (item instanceof Dataset) arrays.set(path, readArray(item, path));
      }
    };
    visit(file, '');
  });
  return { arrays, attributes };
}

function readAttributes(attrs: Readonly<Record<string, Attribute>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attrs).map(([name, attribute]) => [name, attribute.value]));
}

function readArray(dataset: Dataset, path: string): Hdf5Array {
  const { value, shape } = dataset;
  // Numbers of a random state and the like are not float32; they are no weights.
  const values = ArrayBuffer.isView(value) ? Float32Array.from(value as never) : Float32Array.from([Number(value)]);
  return { path, shape: shape ?? [], values };
}

function makeGroup({ Group }: Library, file: File, path: string): Group {
  let group: Group = file;
  for (const name of path.split('/').filter((part) => part !== '')) {
    const next = group.get(name);
    group = next instanceof Group ? next : group.create_group(name);
  }
  return group;
}

/** The library knows files alone. With `bytes` null the file's own bytes are given back, otherwise nothing. */
async function inTemporaryFile(
  bytes: Uint8Array | null,
  mode: 'r' | 'w',
  use: (file: File, library: Library) => void,
): Promise<Uint8Array> {
  // Four megabytes of WebAssembly, for those who need it.
  const library = await import('h5wasm/node');
  await library.ready;
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-hdf5-'));
  try {
    const path = join(directory, 'file.h5');
    if (bytes !== null) await writeFile(path, bytes);
    const file = new library.File(path, mode);
    try {
      use(file, library);
    } finally {
      file.close();
    }
    return bytes ?? (await readFile(path));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
