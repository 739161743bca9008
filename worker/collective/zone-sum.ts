import { at, invariant, type Range } from '../../shared/core/index.ts';
import type { Zone } from './exchange-plan.ts';
import { type NodeSum, type Recycle, TreeSum } from './tree.ts';
import type { WireValues } from './wire-format.ts';

/** The own sums of a bucket's hosted replicas. */
export interface OwnSum extends NodeSum {
  /** Where sums with it are made; for the first one, which the bucket's result is made of. */
  readonly target: WireValues | undefined;
}

/** The sums over one zone of a bucket, segment by segment, as the parts come. */
export class ZoneSum {
  readonly zone: Zone;
  readonly #segments: readonly Range[];
  readonly #segmentValues: number;
  readonly #sums: readonly TreeSum[];
  readonly #complete: (readonly NodeSum[] | undefined)[];

  constructor(zone: Zone, segments: readonly Range[], { replicas, segmentValues }: SumOptions, recycle: Recycle) {
    this.zone = zone;
    this.#segments = segments;
    this.#segmentValues = segmentValues;
    this.#sums = segments.map(({ start, end }) => new TreeSum(zone.replicas, replicas, end - start, recycle));
    this.#complete = segments.map(() => undefined);
  }

  /** The own sums over the whole bucket. Gives the segments that are now complete. */
  addOwn(own: readonly OwnSum[]): Range[] {
    return this.#segments.filter((segment, index) => {
      for (const { node, values, target } of own) {
        const { start, end } = segment;
        at(this.#sums, index).add(node, values.subarray(start, end), target?.subarray(start, end));
      }
      return this.#take(index);
    });
  }

  /** A peer's sum over one segment. True if that completes it. */
  addSegment(node: Range, start: number, values: WireValues): boolean {
    const index = Math.floor((start - this.zone.values.start) / this.#segmentValues);
    at(this.#sums, index).add(node, values);
    return this.#take(index);
  }

  /** The sum over `node` of values inside the zone, or `undefined` while they are not there. */
  read(node: Range, start: number, end: number): WireValues | undefined {
    const first = this.zone.values.start;
    const from = Math.floor((start - first) / this.#segmentValues);
    const parts: WireValues[] = [];
    for (let index = from; index < this.#segments.length && at(this.#segments, index).start < end; index++) {
      const sum = this.#complete[index]?.find((candidate) => candidate.node.start === node.start);
      if (sum === undefined) return undefined;
      const segment = at(this.#segments, index);
      const begin = Math.max(start, segment.start) - segment.start;
      parts.push(sum.values.subarray(begin, Math.min(end, segment.end) - segment.start));
    }
    return oneArray(parts);
  }

  #take(index: number): boolean {
    const sum = at(this.#sums, index);
    if (!sum.complete) return false;
    this.#complete[index] = sum.take();
    return true;
  }
}

export interface SumOptions {
  readonly replicas: number;
  readonly segmentValues: number;
}

/** Neighbouring arrays as one: a view where they lie behind each other, else a copy. */
function oneArray(parts: readonly WireValues[]): WireValues {
  const first = at(parts, 0);
  if (parts.length === 1) return first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  let end = first.byteOffset;
  const adjoin = parts.every(({ buffer, byteOffset, byteLength }) => {
    const fits = buffer === first.buffer && byteOffset === end;
    end += byteLength;
    return fits;
  });
  const isFloat = first instanceof Float32Array;
  const { buffer, byteOffset } = first;
  if (adjoin)
    return isFloat ? new Float32Array(buffer, byteOffset, length) : new Uint16Array(buffer, byteOffset, length);
  const whole = isFloat ? new Float32Array(length) : new Uint16Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  invariant(offset === length, 'the parts make up the whole');
  return whole;
}
