import { RandomStream } from '../../shared/core/index.ts';

/**
 * A weight's gradient as a matrix [rows, columns], stored row by row from `start` in its bucket. The last axis of the
 * weight is the columns, all others together the rows.
 */
export interface MatrixPlace {
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
}

/** Sums are made in float64 and rounded once: JavaScript's arithmetic on it is the same on every machine. */
type Floats = Float32Array<ArrayBuffer>;

/**
 * matrix [rows, columns] · right [columns, rank], to `product` [rows, rank]. Four columns of the factor at a time, in
 * variables of their own: 3 times as fast as a loop over them.
 */
export function multiply(
  matrix: Float32Array,
  { start, rows, columns }: MatrixPlace,
  right: Float32Array,
  product: Float32Array,
): void {
  const rank = right.length / columns;
  const padded = padColumns(right, rank);
  const width = padded.length / columns;
  for (let from = 0; from < rank; from += 4) {
    for (let row = 0, index = start; row < rows; row++) {
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let factor = from; factor < padded.length; factor += width) {
        const value = matrix[index++] as number;
        a += value * (padded[factor] as number);
        b += value * (padded[factor + 1] as number);
        c += value * (padded[factor + 2] as number);
        d += value * (padded[factor + 3] as number);
      }
      const at = row * rank + from;
      product[at] = a;
      if (from + 1 < rank) product[at + 1] = b;
      if (from + 2 < rank) product[at + 2] = c;
      if (from + 3 < rank) product[at + 3] = d;
    }
  }
}

/** transpose of matrix [rows, columns] · left [rows, rank], to `product` [columns, rank]. */
export function multiplyTransposed(
  matrix: Float32Array,
  { start, rows, columns }: MatrixPlace,
  left: Float32Array,
  product: Float32Array,
): void {
  const rank = left.length / rows;
  const padded = padColumns(left, rank);
  const width = padded.length / rows;
  const sums = new Float64Array(columns * width);
  for (let from = 0; from < rank; from += 4) {
    for (let row = 0, index = start; row < rows; row++) {
      const factor = row * width + from;
      const a = padded[factor] as number;
      const b = padded[factor + 1] as number;
      const c = padded[factor + 2] as number;
      const d = padded[factor + 3] as number;
      for (let sum = from; sum < sums.length; sum += width) {
        const value = matrix[index++] as number;
        sums[sum] = (sums[sum] as number) + value * a;
        sums[sum + 1] = (sums[sum + 1] as number) + value * b;
        sums[sum + 2] = (sums[sum + 2] as number) + value * c;
        sums[sum + 3] = (sums[sum + 3] as number) + value * d;
      }
    }
  }
  for (let column = 0; column < columns; column++) {
    product.set(sums.subarray(column * width, column * width + rank), column * rank);
  }
}

/** Adds `sign` · left [rows, rank] · transpose of right [columns, rank] to matrix [rows, columns]. */
export function addProduct(
  matrix: Float32Array,
  { start, rows, columns }: MatrixPlace,
  left: Float32Array,
  right: Float32Array,
  sign: 1 | -1,
): void {
  const rank = left.length / rows;
  const [lefts, rights] = [padColumns(left, rank), padColumns(right, rank)];
  const width = lefts.length / rows;
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sums.fill(0);
    for (let from = row * width; from < (row + 1) * width; from += 4) {
      const a = lefts[from] as number;
      const b = lefts[from + 1] as number;
      const c = lefts[from + 2] as number;
      const d = lefts[from + 3] as number;
      for (let column = 0, r = from - row * width; column < columns; column++, r += width) {
        sums[column] =
          (sums[column] as number) +
          (a * (rights[r] as number) +
            b * (rights[r + 1] as number) +
            c * (rights[r + 2] as number) +
            d * (rights[r + 3] as number));
      }
    }
    for (let column = 0, index = start + row * columns; column < columns; column++, index++) {
      matrix[index] = (matrix[index] as number) + sign * (sums[column] as number);
    }
  }
}

/** A factor [length, rank] in float64 with columns of zeros up to a multiple of four. */
function padColumns(factor: Float32Array, rank: number): Float64Array {
  const width = 4 * Math.ceil(rank / 4);
  const length = factor.length / rank;
  const padded = new Float64Array(length * width);
  for (let row = 0; row < length; row++) padded.set(factor.subarray(row * rank, row * rank + rank), row * width);
  return padded;
}

/** A column that keeps less of its length than this beside the columns before it says nothing that they don't. */
const dependent = 1e-5;

/** Orthonormal columns of the same span, by modified Gram–Schmidt; zeros in place of those that depend on others. */
export function orthonormalize(matrix: Float32Array, rank: number): Floats {
  const rows = matrix.length / rank;
  const columns = Array.from({ length: rank }, (_, c) => columnOf(matrix, rank, c));
  for (const [c, column] of columns.entries()) {
    const before = norm(column);
    // The second time takes away what rounding left (Giraud et al., "twice is enough").
    for (const other of [...columns.slice(0, c), ...columns.slice(0, c)]) {
      const product = dot(column, other);
      for (let row = 0; row < rows; row++) column[row] = (column[row] as number) - product * (other[row] as number);
    }
    const length = norm(column);
    const scale = length <= dependent * before ? 0 : 1 / length;
    for (let row = 0; row < rows; row++) column[row] = (column[row] as number) * scale;
  }
  return fromColumns(columns, rows);
}

/** Columns of length 1 in the same directions; a column of zeros, which has none, is drawn anew from `key`. */
export function normalize(matrix: Float32Array, rank: number, key: readonly number[]): Floats {
  const rows = matrix.length / rank;
  const columns = Array.from({ length: rank }, (_, c) => {
    const column = columnOf(matrix, rank, c);
    const length = norm(column);
    if (length === 0) return randomColumn(rows, [...key, c]);
    return column.map((value) => value / length);
  });
  return fromColumns(columns, rows);
}

/** Drawn uniformly: unlike a normal draw's logarithm that is the same on every machine. */
function randomColumn(rows: number, key: readonly number[]): Float64Array<ArrayBuffer> {
  const random = new RandomStream(...key);
  return new Float64Array(rows).map(() => random.uniform(-1, 1));
}

function columnOf(matrix: Float32Array, rank: number, c: number): Float64Array<ArrayBuffer> {
  return new Float64Array(matrix.length / rank).map((_, row) => matrix[row * rank + c] as number);
}

function fromColumns(columns: readonly Float64Array[], rows: number): Floats {
  const rank = columns.length;
  return new Float32Array(rows * rank).map((_, index) => columns[index % rank]?.[Math.floor(index / rank)] as number);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

const norm = (column: Float64Array): number => Math.sqrt(dot(column, column));
