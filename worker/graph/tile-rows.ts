import { typeAttr } from './builder.ts';
import { sectionOf } from './layer-of.ts';
import { type Attr, dtypes, type GraphNode, type Ref, refText } from './node.ts';
import type { Graph, Pass } from './passes.ts';
import { type RowWise, readersOf, rowWise, StaticValues } from './row-wise.ts';

/**
 * Bytes of the largest value of a tile. What a convolution leaves is then still in the cache when pooling or the next
 * convolution reads it. (The chapter's CNN, 32 rows of 490 KB, one core with 1 MB of second-level cache: tiles of 8 rows
 * take 41.0 ms of processor time a step, the whole batch 43.1.)
 */
const TILE_BYTES = 4 * 2 ** 20;

/** Each tile rearranges a convolution's weights for itself, which must be little beside the convolution. */
const WEIGHTS_OF_VALUES = 1 / 32;

/** Values that leave the tiles are put together again by copying; all others never are. */
const COPIED_OF_VALUES = 1 / 4;

const convolutions = new Set(['Conv2D', 'DepthwiseConv2dNative', 'Conv2DBackpropInput', 'Conv2DBackpropFilter']);

/** Neighbouring row-wise nodes, which are cut in the same tiles. */
interface Island {
  readonly members: ReadonlyMap<string, RowWise>;
  /** Rows of each tile. */
  readonly tiles: readonly number[];
}

/**
 * Runs convolutions, pooling and what lies between them on a few rows of the batch after the other, forward and
 * backward, instead of one op after the other on all rows. Sums over rows (of weights' gradients) become sums of the
 * tiles' sums, which rounds differently; everything else keeps its bits. For processors: a GPU wants large ops.
 */
export const tileRows: Pass = (graph) => {
  const islands = findIslands(graph);
  return islands.length === 0 ? graph : new Tiling(graph, islands).apply();
};

function findIslands({ nodes, outputs }: Graph): Island[] {
  const values = new StaticValues(nodes);
  const candidates = new Map<string, RowWise>();
  for (const node of nodes) {
    const spec = rowWise(node, values);
    if (spec !== undefined && spec.rows > 1 && !hasHeavyWeights(node, spec, values)) candidates.set(node.name, spec);
  }
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const readers = readersOf(nodes);
  const fetched = new Set(outputs.map(refText));
  return connected(nodes, candidates).flatMap((members) => {
    const island = [...members.keys()].map((name) => byName.get(name) as GraphNode);
    if (!island.some(({ op }) => convolutions.has(op))) return [];
    const made = island.filter(({ name }) => members.get(name)?.result === 'rows');
    const bytes = (node: GraphNode): number => bytesOf(node.shapes?.[0]);
    const all = made.reduce((sum, node) => sum + bytes(node), 0);
    const copied = made.filter(({ name }) => {
      const ref = { node: name, output: 0 };
      const read = readers.get(refText(ref)) ?? [];
      return fetched.has(refText(ref)) || read.some((reader) => !readsTiles(members, reader, ref));
    });
    if (copied.reduce((sum, node) => sum + bytes(node), 0) > all * COPIED_OF_VALUES) return [];
    const rows = members.values().next().value?.rows ?? 0;
    const largest = Math.max(...made.map(bytes));
    const count = Math.min(rows, Math.ceil(largest / TILE_BYTES));
    return count > 1 ? [{ members, tiles: shares(rows, count) }] : [];
  });
}

/** Whether `reader` takes `ref` tile by tile. */
function readsTiles(members: Island['members'], reader: GraphNode, ref: Ref): boolean {
  const batched = members.get(reader.name)?.batched ?? [];
  const positions = [...reader.inputs.keys()].filter((position) => reader.inputs[position]?.node === ref.node);
  return members.get(ref.node)?.result === 'rows' && positions.every((position) => batched.includes(position));
}

function hasHeavyWeights(node: GraphNode, { batched }: RowWise, values: StaticValues): boolean {
  if (!convolutions.has(node.op)) return false;
  const size = (position: number): number => bytesOf(values.shapeOf(node.inputs[position] as Ref));
  const weights = node.op === 'Conv2DBackpropFilter' ? bytesOf(node.shapes?.[0]) : size(1);
  const read = batched.reduce((sum, position) => sum + size(position), 0);
  return weights > read * WEIGHTS_OF_VALUES;
}

/** Candidates of one section and one row count that read each other. */
function connected(nodes: readonly GraphNode[], candidates: ReadonlyMap<string, RowWise>): Map<string, RowWise>[] {
  const islandOf = new Map<string, Map<string, RowWise>>();
  for (const { name, inputs } of nodes) {
    const spec = candidates.get(name);
    if (spec === undefined) continue;
    let own = new Map([[name, spec]]);
    for (const position of spec.batched) {
      const input = inputs[position]?.node ?? '';
      const source = candidates.get(input);
      const other = islandOf.get(input);
      if (source?.result !== 'rows' || source.rows !== spec.rows || other === undefined || other === own) continue;
      // Sections run in different calls; what a tile waits for must be in its own.
      if (sectionOf(input) !== sectionOf(name)) continue;
      own = new Map([...other, ...own]);
      for (const member of own.keys()) islandOf.set(member, own);
    }
    islandOf.set(name, own);
  }
  return [...new Set(islandOf.values())];
}

/** `rows` in `count` parts that differ by at most one. */
function shares(rows: number, count: number): number[] {
  return Array.from({ length: count }, (_, tile) => Math.floor((rows + tile) / count));
}

function bytesOf(shape: readonly number[] | undefined): number {
  return shape === undefined ? 0 : shape.reduce((product, length) => product * length, 4);
}

/** Writes the tiled graph: what lies before the tiles, then tile by tile, then what follows, which may have tiles again. */
class Tiling {
  readonly #graph: Graph;
  readonly #values: StaticValues;
  readonly #islandOf = new Map<string, Island>();
  readonly #phases: ReadonlyMap<string, number>;
  readonly #nodes: GraphNode[] = [];

  constructor(graph: Graph, islands: readonly Island[]) {
    this.#graph = graph;
    this.#values = new StaticValues(graph.nodes);
    for (const island of islands) for (const name of island.members.keys()) this.#islandOf.set(name, island);
    this.#phases = this.#findPhases();
  }

  apply(): Graph {
    const phases = groupBy(this.#graph.nodes, ({ name }) => this.#phases.get(name) ?? 0);
    for (const phase of [...phases.keys()].sort((a, b) => a - b)) {
      const [tiled, whole] = partition(phases.get(phase) ?? [], ({ name }) => this.#islandOf.has(name));
      for (const [island, members] of groupBy(tiled, ({ name }) => this.#islandOf.get(name) as Island)) {
        this.#addPhase(island, members);
      }
      this.#nodes.push(...whole);
    }
    return { nodes: this.#nodes, outputs: this.#graph.outputs };
  }

  /**
   * Nodes of an island that follow from each other by way of the outside are of different phases, such as those of the
   * forward and of the backward pass. Within a phase, tile by tile is possible.
   */
  #findPhases(): Map<string, number> {
    const phases = new Map<string, number>();
    for (const node of this.#graph.nodes) {
      const island = this.#islandOf.get(node.name);
      const after = (source: string, isOutside: boolean): number => (phases.get(source) ?? 0) + (isOutside ? 1 : 0);
      const earliest = [
        ...node.inputs.map((ref) => after(ref.node, island !== undefined && !readsTiles(island.members, node, ref))),
        ...node.control.map((name) => after(name, false)),
      ];
      phases.set(node.name, Math.max(0, ...earliest));
    }
    return phases;
  }

  #addPhase(island: Island, members: readonly GraphNode[]): void {
    const read = new Set(members.flatMap(({ inputs }) => inputs.map(({ node }) => node)));
    const last = members.filter(({ name }) => !read.has(name)).map(({ name }) => name);
    const slices = new Map<string, Ref>();
    let begin = 0;
    for (const [tile, rows] of island.tiles.entries()) {
      // TensorFlow would run the same op of all tiles first.
      const after = tile === 0 ? [] : last.map((name) => tileName(name, tile - 1));
      for (const node of members) this.#addTile(island, node, { tile, rows, begin, slices, after });
      begin += rows;
    }
    for (const node of members) this.#join(island, node);
  }

  #addTile(island: Island, node: GraphNode, place: Place): void {
    const { batched, sizes, result } = island.members.get(node.name) as RowWise;
    const name = tileName(node.name, place.tile);
    const withRows = (shape: readonly number[]): number[] => [place.rows, ...shape.slice(1)];
    const inputs = node.inputs.map((ref, position) => {
      if (position === sizes) return this.#ints(`${name}_sizes`, withRows(this.#values.intsOf(ref) ?? []));
      if (!batched.includes(position)) return ref;
      const isTiled = readsTiles(island.members, node, ref);
      return isTiled ? { node: tileName(ref.node, place.tile), output: 0 } : this.#slice(node, ref, place);
    });
    const shapes = result === 'rows' ? node.shapes?.map(withRows) : node.shapes;
    this.#nodes.push({ ...node, name, inputs, ...(shapes && { shapes }) });
  }

  /** Rows of a value from outside. Along the first dimension TensorFlow copies nothing. */
  #slice(reader: GraphNode, ref: Ref, { tile, rows, begin, slices, after }: Place): Ref {
    const key = `${tile} ${refText(ref)}`;
    const known = slices.get(key);
    if (known !== undefined) return known;
    const rest = (this.#values.shapeOf(ref) ?? []).slice(1);
    const name = `${tileName(reader.name, tile)}_rows${slices.size}`;
    const starts = this.#ints(`${name}_begin`, [begin, ...rest.map(() => 0)]);
    const sizes = this.#ints(`${name}_size`, [rows, ...rest]);
    const attrs = { T: reader.attrs.T ?? typeAttr(dtypes.float32), Index: typeAttr(dtypes.int32) };
    const shapes = [[rows, ...rest]];
    this.#nodes.push({ name, op: 'Slice', inputs: [ref, starts, sizes], control: after, attrs, shapes });
    const made = { node: name, output: 0 };
    slices.set(key, made);
    return made;
  }

  /** The whole value under the node's own name, for readers outside; without any it is dropped as dead. */
  #join(island: Island, node: GraphNode): void {
    const { result } = island.members.get(node.name) as RowWise;
    const parts = island.tiles.map((_, tile) => ({ node: tileName(node.name, tile), output: 0 }));
    const attrs = { T: node.attrs.T ?? typeAttr(dtypes.float32), N: { kind: 'int', value: parts.length } } as const;
    const { name, dtypes: types, shapes } = node;
    const outputs = { ...(types && { dtypes: types }), ...(shapes && { shapes }) };
    if (result === 'sum') {
      this.#nodes.push({ name, op: 'AddN', inputs: parts, control: [], attrs, ...outputs });
      return;
    }
    const axis = this.#ints(`${name}_axis`, [], [0]);
    const tidx = { Tidx: typeAttr(dtypes.int32) };
    this.#nodes.push({
      ...{ name, op: 'ConcatV2', inputs: [...parts, axis], control: [], attrs: { ...attrs, ...tidx } },
      ...outputs,
    });
  }

  #ints(name: string, values: readonly number[], content: readonly number[] = values): Ref {
    const shape = values === content ? [values.length] : [];
    const value = { dtype: dtypes.int32, shape, bytes: new Uint8Array(Int32Array.from(content).buffer) };
    const attrs: Record<string, Attr> = { dtype: typeAttr(dtypes.int32), value: { kind: 'tensor', value } };
    this.#nodes.push({ name, op: 'Const', inputs: [], control: [], attrs, dtypes: [dtypes.int32], shapes: [shape] });
    return { node: name, output: 0 };
  }
}

/** Which rows a tile has, and what must have run before it. */
interface Place {
  readonly tile: number;
  readonly rows: number;
  readonly begin: number;
  readonly after: readonly string[];
  /** Slices made so far, by tile and value. */
  readonly slices: Map<string, Ref>;
}

function tileName(name: string, tile: number): string {
  return `${name}_tile${tile}`;
}

function partition<T>(values: readonly T[], holds: (value: T) => boolean): [T[], T[]] {
  return [values.filter(holds), values.filter((value) => !holds(value))];
}

function groupBy<K, T>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}
