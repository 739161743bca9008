import type { DataBytes } from '../files/data-files.ts';
import { type ElementType, elementTypes } from './element-types.ts';

/** A `.npy` file's array, read by rows of its first dimension. */
export interface NpyArray {
  readonly bytes: DataBytes;
  readonly shape: readonly number[];
  /** Undefined for Python objects. */
  readonly type: ElementType | undefined;
  /** Byte at which the first element starts. */
  readonly start: number;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/**
 * Reads the header: 6 magic bytes, version, length of the rest, a Python dictionary (numpy.org, "NEP 1").
 * @throws LockstepError data/corrupt
 */
export function openNpy(bytes: DataBytes): NpyArray {
  if (bytes.size < 12) bytes.fail(bytes.size, 'the file ends, expected the header of a .npy file');
  const prefix = new Uint8Array(12);
  bytes.read(prefix, 0);
  if (!magic.every((byte, index) => prefix[index] === byte)) {
    bytes.fail(0, 'the first bytes are not those of a .npy file (\\x93NUMPY)');
  }
  const version = prefix[6] ?? 0;
  if (version < 1 || version > 3) bytes.fail(6, `version ${version} of the .npy format, expected 1 to 3`);
  const view = new DataView(prefix.buffer);
  const [length, from] = version === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  if (from + length > bytes.size) bytes.fail(bytes.size, 'the file ends inside its header');
  const text = new Uint8Array(length);
  bytes.read(text, from);
  return { bytes, start: from + length, ...parseHeader(bytes, new TextDecoder().decode(text), from + length) };
}

function parseHeader(bytes: DataBytes, header: string, start: number): Pick<NpyArray, 'shape' | 'type'> {
  const name = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const shapeText = /'shape':\s*\(([\d,\sL]*)\)/.exec(header)?.[1];
  const isFortran = /'fortran_order':\s*True/.test(header);
  if (name === undefined || shapeText === undefined) {
    bytes.fail(
      10,
      `header ${JSON.stringify(header.trim())} is no array of one type; save fields as arrays of their own`,
    );
  }
  const shape = [...shapeText.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  if (isFortran && shape.length > 1) {
    bytes.fail(10, 'the array is in column order; save numpy.ascontiguousarray(array)');
  }
  if (name === '|O') return { shape, type: undefined };
  const type = elementTypes[name];
  if (type === undefined) {
    bytes.fail(10, `elements of type ${name}; expected one of ${Object.keys(elementTypes).join(', ')}`);
  }
  const expected = start + shape.reduce((product, size) => product * size, type.size);
  if (bytes.size !== expected) {
    bytes.fail(
      Math.min(bytes.size, expected),
      `${bytes.size} bytes, expected ${expected} for the header and ${shape.join(' × ')} elements of ${type.size} bytes`,
    );
  }
  return { shape, type };
}

/** Reads row after row; a reader has buffers of its own, so that reading allocates nothing. */
export class RowReader {
  /** Values in a row. */
  readonly length: number;
  readonly #array: NpyArray;
  readonly #type: ElementType;
  readonly #buffer: Uint8Array;
  readonly #view: DataView;

  /** @throws LockstepError data/corrupt for an array of Python objects */
  constructor(array: NpyArray) {
    const { shape, type } = array;
    if (type === undefined) array.bytes.fail(10, 'the array holds Python objects; save it with one numeric type');
    this.#array = array;
    this.#type = type;
    this.length = shape.slice(1).reduce((product, size) => product * size, 1);
    this.#buffer = new Uint8Array(this.length * type.size);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Writes row `row` into `target`, as long as a row. @throws LockstepError data/corrupt */
  read(row: number, target: { [index: number]: number }): void {
    const { bytes, start } = this.#array;
    const { size, dtype, get } = this.#type;
    bytes.read(this.#buffer, start + row * this.#buffer.length);
    for (let index = 0; index < this.length; index++) {
      const value = get(this.#view, index * size);
      // An int32 array would keep the low bits of larger ones.
      if (dtype === 'int32' && (value | 0) !== value) {
        bytes.fail(start + row * this.#buffer.length + index * size, `${value} does not fit in 32 bits`);
      }
      target[index] = value;
    }
  }
}
