import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { at, RandomStream } from '../../shared/core/index.ts';
import {
  addProduct,
  multiply,
  multiplyTransposed,
  normalize,
  orthonormalize,
} from '../../worker/collective/low-rank.ts';

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 12 }),
  columns: fc.integer({ min: 1, max: 12 }),
  rank: fc.integer({ min: 1, max: 4 }),
  start: fc.nat(5),
  seed: fc.nat(),
});

const normals = (length: number, seed: number): Float32Array => {
  const random = new RandomStream(seed);
  return Float32Array.from({ length }, () => random.normal());
};

const near = (actual: number, expected: number, what: string): void =>
  assert.ok(Math.abs(actual - expected) <= 1e-5 * (1 + Math.abs(expected)), `${what}: ${actual}, not ${expected}`);

test('products are those of the definition, for a matrix anywhere in its bucket', () => {
  fc.assert(
    fc.property(sizes, ({ rows, columns, rank, start, seed }) => {
      const bucket = normals(start + rows * columns + 3, seed);
      const place = { start, rows, columns };
      const left = normals(rows * rank, seed + 1);
      const right = normals(columns * rank, seed + 2);
      const product = new Float32Array(rows * rank);
      const transposed = new Float32Array(columns * rank);
      multiply(bucket, place, right, product);
      multiplyTransposed(bucket, place, left, transposed);
      const sum = bucket.slice();
      addProduct(sum, place, left, right, -1);
      const value = (row: number, column: number): number => at(bucket, start + row * columns + column);
      for (let row = 0; row < rows; row++) {
        for (let c = 0; c < rank; c++) {
          let expected = 0;
          for (let column = 0; column < columns; column++)
            expected += value(row, column) * at(right, column * rank + c);
          near(at(product, row * rank + c), expected, 'M·Q');
        }
        for (let column = 0; column < columns; column++) {
          let expected = value(row, column);
          for (let c = 0; c < rank; c++) expected -= at(left, row * rank + c) * at(right, column * rank + c);
          near(at(sum, start + row * columns + column), expected, 'M − P·Qᵀ');
        }
      }
      for (let column = 0; column < columns; column++) {
        for (let c = 0; c < rank; c++) {
          let expected = 0;
          for (let row = 0; row < rows; row++) expected += value(row, column) * at(left, row * rank + c);
          near(at(transposed, column * rank + c), expected, 'Mᵀ·P');
        }
      }
      assert.deepEqual(sum.subarray(0, start), bucket.subarray(0, start));
      assert.deepEqual(sum.subarray(start + rows * columns), bucket.subarray(start + rows * columns));
    }),
  );
});

/** Products of all pairs of columns. */
function gram(matrix: Float32Array, rank: number): number[][] {
  const product = (a: number, b: number): number => {
    let sum = 0;
    for (let row = 0; row < matrix.length / rank; row++) sum += at(matrix, row * rank + a) * at(matrix, row * rank + b);
    return sum;
  };
  return Array.from({ length: rank }, (_, a) => Array.from({ length: rank }, (_, b) => product(a, b)));
}

test('columns become orthonormal and keep their span, however large or small they are', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 40 }), fc.integer({ min: 1, max: 4 }), fc.nat(), (rows, rank, seed) => {
      const matrix = normals(rows * rank, seed).map((value, index) => value * 10 ** (((index % rank) - 2) * 9));
      const basis = orthonormalize(matrix, rank);
      for (const [a, products] of gram(basis, rank).entries()) {
        for (const [b, product] of products.entries()) near(product, a === b ? 1 : 0, `columns ${a} and ${b}`);
      }
      // What is left of a column without its projection.
      for (let c = 0; c < rank; c++) {
        let [left, all] = [0, 0];
        const parts = Array.from({ length: rank }, (_, b) => {
          let sum = 0;
          for (let row = 0; row < rows; row++) sum += at(matrix, row * rank + c) * at(basis, row * rank + b);
          return sum;
        });
        for (let row = 0; row < rows; row++) {
          const value = at(matrix, row * rank + c);
          const projected = parts.reduce((sum, part, b) => sum + part * at(basis, row * rank + b), 0);
          left += (value - projected) ** 2;
          all += value ** 2;
        }
        assert.ok(left <= 1e-10 * all, `column ${c}: ${left} of ${all}`);
      }
    }),
  );
});

test('columns that depend on others become zeros, as those of zeros do', () => {
  const matrix = Float32Array.of(1, 2, 0, 3, 1, 2, 0, 4, 1, 2, 0, 5);
  const [first, second, third, fourth] = gram(orthonormalize(matrix, 4), 4).map((products) => products.map(Math.round));
  assert.deepEqual(
    [first, second, third, fourth],
    [
      [1, 0, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 1],
    ],
  );
});

test('directions have length 1, and those of nothing are drawn from the key alone', () => {
  const matrix = Float32Array.of(3, 0, 4, 0);
  const made = normalize(matrix, 2, [1, 2]);
  near(at(made, 0), 0.6, 'first');
  near(at(made, 2), 0.8, 'second');
  assert.ok(made[1] !== 0 && made[3] !== 0);
  assert.deepEqual(normalize(matrix, 2, [1, 2]), made);
  assert.notDeepEqual(normalize(matrix, 2, [1, 3]), made);
});
