import type { Batch } from '../../shared/job/index.ts';

/** What inputs or targets are: numbers from −1 to 1 where `below` is null, else whole ones from 0. */
export interface DrawnTensor {
  readonly shape: readonly number[] | 'one-hot';
  readonly below: number | null;
}

/** `draw` of keras_families.py: float32 values in [0, 1) of 24 random bits, by 32-bit integer arithmetic alone. */
export function draw(count: number, salt: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    let x = (Math.imul(index + 1, 0x85ebca6b) + Math.imul(salt, 0x9e3779b1)) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x27d4eb2f) >>> 0;
    x = (x ^ (x >>> 15)) >>> 0;
    return (x >>> 8) / 2 ** 24;
  });
}

/** A weight's value to begin with. */
export function initialWeight(name: string, shape: readonly number[], index: number): Float32Array {
  const drawn = draw(size(shape), 1000 + index).map((value) => 2 * value - 1);
  if (shape.length === 1) return drawn.map((value) => (name.includes('gamma') ? 1 : 0) + 0.1 * value);
  const limit = Math.fround(Math.sqrt(6 / (size(shape.slice(0, -1)) + (shape.at(-1) ?? 0))));
  return drawn.map((value) => limit * value);
}

/** The batch of this number. */
export function familyBatch(
  rows: number,
  { inputs, targets }: { readonly inputs: readonly DrawnTensor[]; readonly targets: readonly DrawnTensor[] },
  batch: number,
): Batch {
  return {
    rows,
    realRows: rows,
    inputs: inputs.map((spec, place) => values(rows, spec, 10 * batch + place)),
    targets: targets.map((spec, place) => values(rows, spec, 10 * batch + 5 + place)),
    weights: new Float32Array(rows).fill(1),
  };
}

/** Of one sample. */
export function sampleShape({ shape, below }: DrawnTensor): readonly number[] {
  return shape === 'one-hot' ? [below ?? 0] : shape;
}

function values(rows: number, { shape, below }: DrawnTensor, salt: number): Float32Array {
  if (shape === 'one-hot') {
    const classes = below ?? 0;
    const labels = draw(rows, salt).map((value) => Math.floor(value * classes));
    return Float32Array.from({ length: rows * classes }, (_, index) =>
      labels[Math.floor(index / classes)] === index % classes ? 1 : 0,
    );
  }
  const drawn = draw(rows * size(shape), salt);
  return drawn.map((value) => (below === null ? 2 * value - 1 : Math.floor(Math.fround(value * below))));
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
