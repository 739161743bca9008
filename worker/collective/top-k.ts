import { invariant, type Range } from '../../shared/core/index.ts';
import { type ReplicaResiduals, Residuals } from './residuals.ts';

/**
 * Sends of each replica's gradients those with the largest magnitudes and keeps the rest, which is added to the next
 * step's gradients: error feedback (Stich, Cordonnier and Jaggi, "Sparsified SGD with memory", 2018). What is sent
 * depends on the replica's own gradients alone, so not on the workers; what is kept belongs to the replica.
 */
export class TopK {
  readonly #fraction: number;
  readonly #residuals: Residuals;

  /**
   * @param fraction of each bucket's values that is sent, above 0 and below 1
   * @param replicas that are hosted here
   * @param lengths values in each bucket of gradients
   */
  constructor(fraction: number, replicas: Range, lengths: readonly number[]) {
    invariant(fraction > 0 && fraction < 1, 'a part of the gradients is sent');
    this.#fraction = fraction;
    this.#residuals = new Residuals(replicas, lengths);
  }

  /** Leaves in `gradients` what is sent, and zeros. */
  compress(replica: number, bucket: number, gradients: Float32Array): void {
    const residual = this.#residuals.of(replica, bucket);
    for (let index = 0; index < gradients.length; index++) {
      gradients[index] = (gradients[index] as number) + (residual[index] as number);
    }
    keepLargest(gradients, residual, Math.ceil(this.#fraction * gradients.length));
  }

  /** Copies of what is not sent yet, of each hosted replica and bucket. */
  residuals(): ReplicaResiduals {
    return this.#residuals.read();
  }

  /** Goes on from others' residuals. @throws LockstepError checkpoint/mismatch, and then nothing has changed */
  setResiduals(residuals: ReplicaResiduals): void {
    this.#residuals.write(residuals);
  }
}

/**
 * Leaves the `count` values of the largest magnitude in `values`, the first ones among equals, and moves the others to
 * `rest`; zeros take their places. NaN counts as larger than all, so that it shows.
 */
export function keepLargest(values: Float32Array, rest: Float32Array, count: number): void {
  // The magnitudes' order is that of their bits.
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const { threshold, equals } = findThreshold(bits, count);
  let equalsLeft = equals;
  for (let index = 0; index < bits.length; index++) {
    const magnitude = (bits[index] as number) & magnitudeMask;
    const isKept = magnitude > threshold || (magnitude === threshold && equalsLeft-- > 0);
    rest[index] = isKept ? 0 : (values[index] as number);
    if (!isKept) values[index] = 0;
  }
}

const magnitudeMask = 0x7fff_ffff;
/** Magnitudes are first counted by their upper 16 bits, sign left out. */
const binShift = 15;

/** The magnitude of the `count`-th largest value, and how many of that very magnitude are among the `count` largest. */
function findThreshold(bits: Uint32Array, count: number): { threshold: number; equals: number } {
  const bins = new Uint32Array(2 ** 16);
  for (let index = 0; index < bits.length; index++) {
    const bin = ((bits[index] as number) & magnitudeMask) >>> binShift;
    bins[bin] = (bins[bin] as number) + 1;
  }
  let bin = bins.length - 1;
  let left = count;
  while (bin > 0 && left > (bins[bin] as number)) left -= bins[bin--] as number;
  const members = new Uint32Array(bins[bin] as number);
  let next = 0;
  for (let index = 0; next < members.length; index++) {
    const magnitude = (bits[index] as number) & magnitudeMask;
    if (magnitude >>> binShift === bin) members[next++] = magnitude;
  }
  members.sort();
  const place = members.length - left;
  const threshold = members[place] as number;
  return { threshold, equals: members.lastIndexOf(threshold) - place + 1 };
}
