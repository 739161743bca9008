import { at, invariant, LockstepError, type Range } from '../../shared/core/index.ts';
import { addProduct, type MatrixPlace, multiply, multiplyTransposed, normalize, orthonormalize } from './low-rank.ts';
import { type ReplicaResiduals, Residuals } from './residuals.ts';

export interface PowerSgdOptions {
  /** Columns of the factors that are sent in place of a matrix. */
  readonly rank: number;
  readonly seed: number;
  /** Those that are hosted here. */
  readonly replicas: Range;
  /** Shapes of the weights in each bucket of gradients, in the order in which they lie there. */
  readonly shapes: readonly (readonly (readonly number[])[])[];
}

/** A matrix with what all workers know of it. Sums over all replicas: M = Σ Mᵣ. */
interface Matrix extends MatrixPlace {
  readonly index: number;
  /** Q [columns, rank], its columns of length 1: directions of the rows of M, from the step before. */
  right: Float32Array;
  /** P [rows, rank], orthonormal columns: what M maps Q's columns to. */
  left: Float32Array;
}

interface BucketParts {
  readonly length: number;
  readonly matrices: readonly Matrix[];
  /** What is sent as it is: vectors, and matrices that are no longer than their factors. */
  readonly plain: readonly Range[];
}

/**
 * Sends of each weight matrix a factorization of low rank (Vogels, Karimireddy and Jaggi, "PowerSGD", 2019), in two
 * reductions: P = Σᵣ Mᵣ·Q, orthonormalized by everyone alike, and Q = Σᵣ Mᵣᵀ·P, which makes P·Qᵀ the projection of the sum
 * M on P. Mᵣ are a replica's gradients with what it kept back before; it keeps back Mᵣ − P·Qᵣᵀ. All of it follows from
 * each replica's own gradients and from sums over all of them, so not from the workers.
 *
 * A step is `compress` for each hosted replica and bucket, `reduceLeft`, `factors` for each again, `decompress`.
 */
export class PowerSgd {
  readonly #options: PowerSgdOptions;
  readonly #buckets: readonly BucketParts[];
  readonly #residuals: Residuals;

  /** @throws LockstepError config/invalid where no weight would get shorter */
  constructor(options: PowerSgdOptions) {
    const { rank, replicas, shapes } = options;
    this.#options = options;
    let matrices = 0;
    this.#buckets = shapes.map((ofBucket) => {
      const parts = planBucket(ofBucket, rank, matrices);
      matrices += parts.matrices.length;
      return parts;
    });
    if (matrices === 0) {
      throw new LockstepError(
        'config/invalid',
        `--wire powersgd:${rank}: no weight of this model is a matrix that is longer than its factors of ${rank} columns; ` +
          'use a lower rank, or --wire float32',
      );
    }
    for (const { matrices } of this.#buckets) for (const matrix of matrices) this.#renew(matrix, matrix.right, -1);
    this.#residuals = new Residuals(
      replicas,
      this.#buckets.map(({ length }) => length),
    );
  }

  /** Values of each bucket in the first reduction. */
  get firstLengths(): number[] {
    return this.#buckets.map((parts) => firstLength(parts, this.#options.rank));
  }

  /** Values of each bucket in the second reduction; only buckets with matrices have a part in it. */
  get secondLengths(): number[] {
    return this.#withMatrices.map(({ matrices }) => this.#factorLength(matrices));
  }

  /** [P of each matrix …, plain values …] of a replica's bucket, for the first reduction; its gradients are kept here. */
  compress(replica: number, bucket: number, gradients: Float32Array): Float32Array<ArrayBuffer> {
    const parts = at(this.#buckets, bucket);
    const sent = new Float32Array(firstLength(parts, this.#options.rank));
    const kept = this.#residuals.of(replica, bucket);
    let next = 0;
    for (const matrix of parts.matrices) {
      const { start, rows, columns } = matrix;
      for (let index = start; index < start + rows * columns; index++) {
        kept[index] = (kept[index] as number) + (gradients[index] as number);
      }
      const end = next + rows * this.#options.rank;
      multiply(kept, matrix, matrix.right, sent.subarray(next, end));
      next = end;
    }
    for (const { start, end } of parts.plain) {
      sent.set(gradients.subarray(start, end), next);
      next += end - start;
    }
    return sent;
  }

  /** Takes the first reduction's buckets. */
  reduceLeft(sums: readonly Float32Array[]): void {
    const { rank } = this.#options;
    for (const [bucket, { matrices }] of this.#buckets.entries()) {
      let next = 0;
      for (const matrix of matrices) {
        const end = next + matrix.rows * rank;
        matrix.left = orthonormalize(at(sums, bucket).subarray(next, end), rank);
        next = end;
      }
    }
  }

  /** [Q of each matrix …] of each of a replica's buckets, for the second reduction. Keeps back what P·Qᵀ lacks. */
  *factors(replica: number): Generator<Float32Array<ArrayBuffer>> {
    for (const [bucket, { matrices }] of this.#buckets.entries()) {
      if (matrices.length === 0) continue;
      const sent = new Float32Array(this.#factorLength(matrices));
      const kept = this.#residuals.of(replica, bucket);
      let next = 0;
      for (const matrix of matrices) {
        const end = next + matrix.columns * this.#options.rank;
        const own = sent.subarray(next, end);
        multiplyTransposed(kept, matrix, matrix.left, own);
        addProduct(kept, matrix, matrix.left, own, -1);
        next = end;
      }
      yield sent;
    }
  }

  /**
   * The gradients of each bucket, from both reductions of `step`. The directions that were found are where the next step
   * begins to look.
   */
  decompress(first: readonly Float32Array[], second: readonly Float32Array[], step: number): Float32Array[] {
    const { rank } = this.#options;
    let seconds = 0;
    return this.#buckets.map((parts, bucket) => {
      const gradients = new Float32Array(parts.length);
      const sums = at(first, bucket);
      let next = this.#leftLength(parts.matrices);
      for (const { start, end } of parts.plain) {
        gradients.set(sums.subarray(next, next + end - start), start);
        next += end - start;
      }
      if (parts.matrices.length === 0) return gradients;
      const factors = at(second, seconds++);
      let from = 0;
      for (const matrix of parts.matrices) {
        const end = from + matrix.columns * rank;
        const right = factors.subarray(from, end);
        addProduct(gradients, matrix, matrix.left, right, 1);
        this.#renew(matrix, right, step);
        from = end;
      }
      return gradients;
    });
  }

  /** Copies of what is not sent yet, of each hosted replica and bucket. */
  residuals(): ReplicaResiduals {
    return this.#residuals.read();
  }

  /** Goes on from others' residuals. @throws LockstepError checkpoint/mismatch, and then nothing has changed */
  setResiduals(residuals: ReplicaResiduals): void {
    this.#residuals.write(residuals);
  }

  /** Copies of Q of each matrix: the other half of the state, the same on all workers. */
  directions(): Float32Array[] {
    return this.#matrices.map(({ right }) => right.slice());
  }

  /** @throws LockstepError checkpoint/mismatch, and then nothing has changed */
  setDirections(directions: readonly Float32Array[]): void {
    const expected = this.#matrices.map(({ right }) => right.length).join(', ');
    const found = directions.map(({ length }) => length).join(', ');
    if (found !== expected) {
      throw new LockstepError(
        'checkpoint/mismatch',
        `directions of PowerSGD of ${found} values, of ${expected} expected; they fit the same model and rank alone`,
      );
    }
    for (const [index, matrix] of this.#matrices.entries()) matrix.right = at(directions, index).slice();
  }

  get #matrices(): Matrix[] {
    return this.#buckets.flatMap(({ matrices }) => matrices);
  }

  get #withMatrices(): BucketParts[] {
    return this.#buckets.filter(({ matrices }) => matrices.length > 0);
  }

  #leftLength(matrices: readonly Matrix[]): number {
    return matrices.reduce((sum, { rows }) => sum + rows * this.#options.rank, 0);
  }

  #factorLength(matrices: readonly Matrix[]): number {
    return matrices.reduce((sum, { columns }) => sum + columns * this.#options.rank, 0);
  }

  #renew(matrix: Matrix, right: Float32Array, step: number): void {
    const { rank, seed } = this.#options;
    matrix.right = normalize(right, rank, [seed, 1 + step, matrix.index]);
  }
}

function firstLength({ matrices, plain }: BucketParts, rank: number): number {
  const left = matrices.reduce((sum, { rows }) => sum + rows * rank, 0);
  return plain.reduce((sum, { start, end }) => sum + end - start, left);
}

function planBucket(shapes: readonly (readonly number[])[], rank: number, firstIndex: number): BucketParts {
  const matrices: Matrix[] = [];
  const plain: Range[] = [];
  let start = 0;
  for (const shape of shapes) {
    const length = shape.reduce((product, size) => product * size, 1);
    const columns = shape.at(-1) ?? 1;
    const rows = length / columns;
    invariant(Number.isInteger(rows), 'a weight has values');
    if ((rows + columns) * rank < length) {
      const right = new Float32Array(columns * rank);
      matrices.push({ start, rows, columns, right, left: new Float32Array(0), index: firstIndex + matrices.length });
    } else plain.push({ start, end: start + length });
    start += length;
  }
  return { length: start, matrices, plain };
}
