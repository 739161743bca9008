import { typeAttr } from './builder.ts';
import { type Attr, dtypes, type GraphNode, type Ref } from './node.ts';
import { dropDeadNodes, type Graph } from './passes.ts';

/** A graph that runs one node after the other and reads the clock in between. */
export interface TimedGraph {
  readonly nodes: readonly GraphNode[];
  /** What the untimed graph gave. */
  readonly outputs: readonly Ref[];
  /**
   * Seconds since the first reading, float32, [1 + EMPTY_READINGS + timed.length]: readings with nothing in between,
   * which tell what a reading itself costs, and then one after each timed node.
   */
  readonly readings: Ref;
  /** The nodes that are timed, in the order in which they run. */
  readonly timed: readonly GraphNode[];
}

export const EMPTY_READINGS = 64;

/** Ops that take no time of their own: they hand out what is there before the run. */
const givenOps = new Set(['Placeholder', 'VarHandleOp', 'Const', 'NoOp']);

/** Branches run or don't, so a chain through them would stop. */
const branchOps = new Set(['Switch', 'Merge']);

/**
 * Puts TensorFlow's clock op `Timestamp` between all nodes that the outputs need, by control edges alone: values flow
 * as before, on the device, in TensorFlow's own kernels. What changes is that nodes cannot overlap and that TensorFlow
 * does not fuse neighbours.
 *
 * @param untimed outputs that must be in the graph too, for example to set variables; their nodes stay as they are
 */
export function timeNodes(graph: Graph, untimed: readonly Ref[] = []): TimedGraph {
  const { nodes: live } = dropDeadNodes(graph);
  const branch = live.find(({ op }) => branchOps.has(op));
  if (branch !== undefined) throw new Error(`invariant broken: ${branch.name} is a branch, which cannot be timed`);
  const timed = live.filter(({ op, control }) => !givenOps.has(op) || control.length > 0);
  const timedNames = new Set(timed.map(({ name }) => name));
  const clock = new Clock();
  for (let count = 0; count <= EMPTY_READINGS; count++) clock.read([]);
  const chained: GraphNode[] = [];
  for (const node of live) {
    if (!timedNames.has(node.name)) {
      chained.push(node);
      continue;
    }
    chained.push({ ...node, control: [...node.control, clock.last] });
    clock.read([node.name]);
  }
  const names = new Set(live.map(({ name }) => name));
  const others = dropDeadNodes({ nodes: graph.nodes, outputs: untimed }).nodes.filter(({ name }) => !names.has(name));
  const { nodes, readings } = clock.finish();
  return { nodes: [...others, ...chained, ...nodes], outputs: graph.outputs, readings, timed };
}

/** A chain of clock readings; the nodes in between hang on `last`, and the next reading on them. */
class Clock {
  readonly #nodes: GraphNode[] = [];

  get last(): string {
    return this.#nodes.at(-1)?.name ?? '';
  }

  read(after: readonly string[]): void {
    const control = this.last === '' ? after : [this.last, ...after];
    this.#nodes.push({ name: `clock/reading${this.#nodes.length}`, op: 'Timestamp', inputs: [], control, attrs: {} });
  }

  /** The difference is taken in float64: seconds since 1970 have no microseconds in float32. */
  finish(): { nodes: readonly GraphNode[]; readings: Ref } {
    const T = typeAttr(dtypes.float64);
    const all = this.#nodes.map(({ name }) => ref(name));
    const attrs: Record<string, Attr> = { T, N: { kind: 'int', value: all.length }, axis: { kind: 'int', value: 0 } };
    const packed: GraphNode = { name: 'clock/all', op: 'Pack', inputs: all, control: [], attrs };
    const first = all.slice(0, 1);
    const since: GraphNode = {
      ...{ name: 'clock/since', op: 'Sub', inputs: [ref(packed.name), ...first], control: [], attrs: { T } },
    };
    const types = { SrcT: T, DstT: typeAttr(dtypes.float32), Truncate: { kind: 'bool', value: false } } as const;
    const cast: GraphNode = { name: 'clock/seconds', op: 'Cast', inputs: [ref(since.name)], control: [], attrs: types };
    return { nodes: [...this.#nodes, packed, since, cast], readings: ref(cast.name) };
  }
}

function ref(node: string): Ref {
  return { node, output: 0 };
}
