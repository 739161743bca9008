import { at, invariant, type Range } from '../../shared/core/index.ts';
import { asLeaf } from './bucket-shape.ts';
import { Covered } from './covered.ts';
import type { BucketPlan } from './exchange-plan.ts';
import type { Layout } from './layout.ts';
import { type NodeSum, type Recycle, TreeSum } from './tree.ts';
import type { WireFormat, WireValues } from './wire-format.ts';
import { ZoneSum } from './zone-sum.ts';

/** One bucket in one step on one rank. */
export class BucketReduction {
  readonly #plan: BucketPlan;
  readonly #format: WireFormat;
  readonly #recycle: Recycle;
  readonly #allReplicas: number;
  /** Sums of the hosted replicas as they come. */
  readonly #local: TreeSum;
  readonly #zones: readonly ZoneSum[];
  readonly #arrived = new Covered();
  #missing: number;
  /** The hosted maximal subtrees' sums, once all hosted replicas contributed. */
  #own: readonly NodeSum[] | undefined;
  /** All reduced values: made in the first own node's array, or in one of their own if peers still read that. */
  #result: WireValues | undefined;
  /** What peers ask for after the result went to the engine: a copy of reduced values, or the own sum. */
  #kept: WireValues | undefined;

  /**
   * @param spare an array of this bucket in a step that is over
   * @param recycle gets arrays that peers' segments came in, once nobody needs them
   */
  constructor(bucket: number, layout: Layout, spare: WireValues | undefined, recycle: Recycle) {
    this.#recycle = recycle;
    const { length, format } = at(layout.buckets, bucket);
    this.#format = format;
    this.#plan = at(layout.plans, bucket);
    this.#allReplicas = layout.replicas;
    this.#local = new TreeSum(layout.hosted, layout.replicas, length);
    const waiting = this.#plan.zones.filter(({ pulls }) => pulls.length > 0);
    this.#zones = waiting.map(
      (zone) => new ZoneSum(zone, layout.segments(bucket, zone.values), layout.sums(bucket), recycle),
    );
    if (this.#plan.lendsSum) this.#result = spare;
    else this.#kept = spare;
    this.#missing = length;
  }

  /** True when all values are reduced and here. */
  get complete(): boolean {
    return this.#missing === 0 && this.#own !== undefined;
  }

  /** An array that nobody reads any more once all contributed to a later step. */
  get kept(): WireValues | undefined {
    return this.#kept;
  }

  contribute(replica: number, values: WireValues): void {
    this.#local.add({ start: replica, end: replica + 1 }, asLeaf(values, this.#format));
    if (this.#local.complete) this.#publish();
  }

  /** True if that makes more values readable. */
  addSegment(node: Range, start: number, values: WireValues): boolean {
    const zone = this.#zoneAt(start);
    invariant(zone !== undefined, `value ${start} is in a zone that needs other ranks`);
    const isComplete = zone.addSegment(node, start, values);
    if (isComplete) this.#summed(zone, { start, end: start + values.length });
    return isComplete;
  }

  /**
   * May overwrite the own sums there: whoever reduced these values had received them. What peers still ask of this rank
   * lies elsewhere.
   */
  setSegment(start: number, values: WireValues): void {
    invariant(this.#result !== undefined, 'no peer can reduce a step before this worker contributed to it');
    if (values.buffer !== this.#result.buffer) this.#result.set(values, start);
    this.#reduced({ start, end: start + values.length }, values);
    this.#recycle(values);
  }

  /** Whether peers may ask for own sums even when all is reduced here. */
  get lendsSum(): boolean {
    return this.#plan.lendsSum;
  }

  /** The place of values [start, end) in the result: what `setSegment` says of overwriting holds here too. */
  place(start: number, end: number): WireValues | undefined {
    return this.#result?.subarray(start, end);
  }

  readSum(node: Range, start: number, end: number): WireValues | undefined {
    const zone = this.#plan.lendsSum ? undefined : this.#zoneAt(start);
    if (zone !== undefined) return zone.read(node, start, end);
    return this.#own?.find((own) => own.node.start === node.start)?.values.subarray(start, end);
  }

  readReduced(start: number, end: number): WireValues | undefined {
    if (!this.#arrived.has({ start, end })) return undefined;
    const first = this.#plan.kept.start;
    return this.#kept?.subarray(start - first, end - first);
  }

  /**
   * The reduced bucket, the caller's from here on. Every peer has what it needs of the sums, else it would not be complete;
   * or they are lent, and stay.
   */
  take(): WireValues {
    const result = this.#result;
    invariant(result !== undefined && this.complete, 'a bucket is taken when it is complete');
    if (!this.#plan.lendsSum) this.#own = [];
    this.#result = undefined;
    // Results are transferred to another thread: each needs a buffer of its own.
    return result.byteLength === result.buffer.byteLength ? result : result.slice();
  }

  /** All hosted replicas contributed: peers may read the sums, and the own part joins those of others. */
  #publish(): void {
    const sums = this.#local.take();
    const first = at(sums, 0).values;
    if (this.#plan.lendsSum) this.#kept = first;
    this.#result = this.#plan.lendsSum ? (this.#result ?? emptyLike(first, first.length)) : first;
    const own = sums.map((sum, index) => ({ ...sum, target: index === 0 ? this.#result : undefined }));
    this.#own = sums;
    for (const zone of this.#zones) for (const segment of zone.addOwn(own)) this.#summed(zone, segment);
    if (this.#zones.length === 0 && this.#plan.gathers.length === 0) this.#missing = 0;
  }

  /** A total lies in the result already: that is where sums with the first own node are made. */
  #summed({ zone }: ZoneSum, segment: Range): void {
    const { start, end } = zone.replicas;
    if (end - start < this.#allReplicas) return;
    this.#reduced(segment, this.#result?.subarray(segment.start, segment.end));
  }

  #reduced({ start, end }: Range, values: WireValues | undefined): void {
    invariant(values !== undefined, 'reduced values are in the result');
    this.#missing -= end - start;
    const { kept } = this.#plan;
    const from = Math.max(start, kept.start);
    const to = Math.min(end, kept.end);
    if (from >= to) return;
    this.#kept ??= emptyLike(values, kept.end - kept.start);
    this.#kept.set(values.subarray(from - start, to - start), from - kept.start);
    this.#arrived.add({ start, end });
  }

  #zoneAt(value: number): ZoneSum | undefined {
    return this.#zones.find(({ zone }) => value >= zone.values.start && value < zone.values.end);
  }
}

function emptyLike(values: WireValues, length: number): WireValues {
  return new (values instanceof Float32Array ? Float32Array : Uint16Array)(length);
}
