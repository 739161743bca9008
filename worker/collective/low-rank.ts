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

/** matrix [rows, columns] · right [columns, rank], to `product` [rows, rank]. */
export function multiply(
  matrix: Float32Array,
  { start, rows, columns }: MatrixPlace,
  right: Float32Array,
  product: Float32Array,
): void {
  const rank = right.length / columns;
  const sums = new Float64Array(rank);
  for (let row = 0, index = start; row < rows; row++) {
    sums.fill(0);
    for (let column = 0, factor = 0; column < columns; column++, index++) {
      const value = matrix[index] as number;
      for (let c = 0; c < rank; c++, factor++) sums[c] = (sums[c] as number) + value * (right[factor] as number);
    }
    product.set(sums, row * rank);
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
  const sums = new Float64Array(columns * rank);
  for (let row = 0, index = start; row < rows; row++) {
    for (let column = 0, sum = 0; column < columns; column++, index++) {
      const value = matrix[index] as number;
      for (let c = row * rank; c < row * rank + rank; c++, sum++) {
        sums[sum] = (sums[sum] as number) + value * (left[c] as number);
      }
    }
  }
  product.set(sums);
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
  for (let row = 0, index = start; row < rows; row++) {
    for (let column = 0, factor = 0; column < columns; column++, index++) {
      let sum = 0;
      for (let c = row * rank; c < row * rank + rank; c++, factor++) {
        sum += (left[c] as number) * (right[factor] as number);
      }
      matrix[index] = (matrix[index] as number) + sign * sum;
    }
  }
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
