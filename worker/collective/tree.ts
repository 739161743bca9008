import { invariant, type Range } from '../../shared/core/index.ts';
import { addValues } from './add-values.ts';
import type { WireValues } from './wire-format.ts';

/**
 * The canonical tree over R replicas: node k at level j covers the replicas [k·2ʲ, min((k+1)·2ʲ, R)). A node that
 * reaches past R is cut at R; where its right half is empty it is the same node as its left half ("promoted"), so a
 * range names a node. Every node's sum is left half + right half, which fixes each bit of every sum whoever computes
 * it. Equivalent: split a range at the largest power of two below its length. See
 * docs/decisions/0001-canonical-tree.md.
 */
export function isNode(range: Range, replicas: number): boolean {
  const { start, end } = range;
  if (!(start >= 0 && start < end && end <= replicas)) return false;
  const width = widthOf(range);
  return start % width === 0 && end === Math.min(start + width, replicas);
}

/** The smallest power of two that is not below the node's length: 2ʲ of its lowest level. */
function widthOf(range: Range): number {
  let width = 1;
  while (width < range.end - range.start) width *= 2;
  return width;
}

/**
 * The largest nodes that cut up `range`, in order: what a worker that hosts these replicas sends instead of one sum.
 * At most 2·log₂ R of them.
 */
export function maximalSubtrees(range: Range, replicas: number): Range[] {
  const nodes: Range[] = [];
  for (let start = range.start; start < range.end; ) {
    let end = start + 1;
    for (let width = 1; start % width === 0; width *= 2) {
      const candidate = Math.min(start + width, replicas);
      if (candidate > range.end) break;
      end = candidate;
      if (candidate === replicas) break;
    }
    nodes.push({ start, end });
    start = end;
  }
  return nodes;
}

/** A node's other half under their parent, and the parent. `undefined` for the root. */
export function siblingOf(node: Range, replicas: number): { sibling: Range; parent: Range } | undefined {
  for (let width = widthOf(node); width < replicas; width *= 2) {
    const isLeft = node.start % (2 * width) === 0;
    if (!isLeft) {
      const start = node.start - width;
      return { sibling: { start, end: node.start }, parent: { start, end: node.end } };
    }
    if (node.end < replicas) {
      const end = Math.min(node.end + width, replicas);
      return { sibling: { start: node.end, end }, parent: { start: node.start, end } };
    }
    // The right edge: no sibling at this level, so the node is its own parent.
  }
  return undefined;
}

/** The sum of one node. */
export interface NodeSum {
  readonly node: Range;
  readonly values: WireValues;
}

/** Takes an array that nobody needs any more. */
export type Recycle = (values: WireValues) => void;

interface PendingSum extends NodeSum {
  /** Where the caller wants sums with this node. */
  readonly target: WireValues | undefined;
}

/**
 * Sums the nodes of a range of replicas as they come. Siblings are added as soon as both are there, always
 * left + right: the order of arrival never changes a bit. Ends with the maximal subtrees of the range.
 */
export class TreeSum {
  readonly #range: Range;
  readonly #replicas: number;
  readonly #length: number;
  readonly #recycle: Recycle;
  readonly #pending = new Map<number, PendingSum>();
  #covered = 0;
  #taken = false;

  /**
   * @param length values of each node's array
   * @param recycle gets each array that was added to another one
   */
  constructor(range: Range, replicas: number, length: number, recycle: Recycle = () => {}) {
    invariant(range.start >= 0 && range.start < range.end && range.end <= replicas, 'a tree sum needs replicas');
    this.#range = range;
    this.#replicas = replicas;
    this.#length = length;
    this.#recycle = recycle;
  }

  /** True when every replica of the range is covered. */
  get complete(): boolean {
    return this.#covered === this.#range.end - this.#range.start;
  }

  /**
   * Takes ownership of `values`: they may be added to, or dropped. Nodes that are no node of this tree, outside of
   * the range or already covered are bugs of the caller and throw.
   * @param target sums that include this node are made in this array, which may be `values`; if it isn't, `values` stay
   * as they are. At most one node of a sum has one
   */
  add(node: Range, values: WireValues, target?: WireValues): void {
    invariant(!this.#taken, 'a tree sum was taken already');
    invariant(values.length === this.#length, `a node of ${values.length} values in a tree sum of ${this.#length}`);
    invariant(isNode(node, this.#replicas), `${name(node)} is no node of the tree over ${this.#replicas} replicas`);
    const { start, end } = this.#range;
    invariant(node.start >= start && node.end <= end, `${name(node)} is outside of ${name(this.#range)}`);
    for (const other of this.#pending.values()) {
      const apart = node.end <= other.node.start || node.start >= other.node.end;
      invariant(apart, `${name(node)} overlaps ${name(other.node)}, which is already summed`);
    }
    this.#covered += node.end - node.start;
    this.#merge({ node, values, target });
  }

  /** The sums of the range's maximal subtrees, in order; the caller owns them. */
  take(): NodeSum[] {
    invariant(this.complete, `a tree sum was taken with ${this.#covered} replicas of ${name(this.#range)}`);
    this.#taken = true;
    const sums = [...this.#pending.values()]
      .sort((a, b) => a.node.start - b.node.start)
      .map(({ node, values }): NodeSum => ({ node, values }));
    this.#pending.clear();
    return sums;
  }

  #merge(added: PendingSum): void {
    let sum = added;
    for (;;) {
      const family = siblingOf(sum.node, this.#replicas);
      const other = family === undefined ? undefined : this.#pending.get(family.sibling.start);
      if (family === undefined || other === undefined || other.node.end !== family.sibling.end) break;
      this.#pending.delete(other.node.start);
      const [left, right] = other.node.start < sum.node.start ? [other, sum] : [sum, other];
      const target = left.target ?? right.target;
      const values = target ?? left.values;
      addValues(values, left.values, right.values);
      for (const part of [left, right])
        if (part.target === undefined && part.values !== values) this.#recycle(part.values);
      sum = { node: family.parent, values, target };
    }
    this.#pending.set(sum.node.start, sum);
  }
}

function name(range: Range): string {
  return `[${range.start}, ${range.end})`;
}
