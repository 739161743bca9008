import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cutSegments,
  dropDeadNodes,
  dtypes,
  type Graph,
  GraphBuilder,
  type GraphNode,
  type Ref,
  tileRows,
  typeAttr,
} from '../../worker/graph/index.ts';

const float = typeAttr(dtypes.float32);

interface Sizes {
  readonly rows?: number;
  /** Height and width of the images; a value of 32 channels has 128 bytes for each position. */
  readonly side?: number;
  readonly filters?: number;
  /** Somebody outside reads the convolution’s gradient. */
  readonly readsGradient?: boolean;
}

/** Convolution → ReLU → pooling → something, and back to the filters: a recorded step in small. */
function step({ rows = 8, side = 128, filters = 32, readsGradient = false }: Sizes): Graph {
  const builder = new GraphBuilder('step');
  const image = [rows, side, side, filters];
  const small = [rows, side / 2, side / 2, filters];
  const x = builder.placeholder('x', dtypes.float32, [rows, side, side, 3]);
  const w = builder.add('ReadVariableOp', [builder.variable('w', [3, 3, 3, filters])], { dtype: float });
  const op = (name: string, inputs: readonly Ref[], shape: readonly number[]): Ref =>
    builder.add(name, inputs, { T: float }, { shapes: [shape] });
  const relu = op('Relu', [op('Conv2D', [x, w], image)], image);
  const pooled = op('MaxPool', [relu], small);
  const dy = op('Softmax', [pooled], small);
  const dRelu = op('ReluGrad', [op('MaxPoolGrad', [relu, pooled, dy], image), relu], image);
  const dw = op('Conv2DBackpropFilter', [x, builder.ints([3, 3, 3, filters]), dRelu], [3, 3, 3, filters]);
  const db = op('Sum', [dRelu, builder.ints([0, 1, 2])], [filters]);
  return { nodes: builder.nodes, outputs: [dy, dw, db, ...(readsGradient ? [dRelu] : [])] };
}

const tiled = (graph: Graph): Graph => dropDeadNodes(tileRows(graph));
const all = ({ nodes }: Graph, op: string): GraphNode[] => nodes.filter((node) => node.op === op);
const byName = ({ nodes }: Graph): Map<string, GraphNode> => new Map(nodes.map((node) => [node.name, node]));

test('a convolution whose values exceed a tile runs on a few rows after the other', () => {
  // 8 rows of 2 MiB in tiles of 4 MiB.
  const shapes = all(tiled(step({})), 'Conv2D').map((node) => node.shapes?.[0]);
  assert.deepEqual(shapes, new Array(4).fill([2, 128, 128, 32]));
});

test('rows that the tiles do not divide are shared as evenly as can be, each once', () => {
  const graph = tiled(step({ rows: 7 }));
  const rows = all(graph, 'Conv2D').map((node) => node.shapes?.[0]?.[0]);
  assert.deepEqual(rows, [1, 2, 2, 2]);
  const begins = all(graph, 'Slice')
    .filter((node) => node.inputs[0]?.node === 'x')
    .map(({ inputs }) => byName(graph).get(inputs[1]?.node ?? ''))
    .map((node) => (node?.attrs.value?.kind === 'tensor' ? node.attrs.value.value.bytes[0] : undefined));
  assert.deepEqual(begins.slice(0, 4), [0, 1, 3, 5]);
});

test('sums over rows are sums of the tiles’ sums, values of rows are put together, under the old names', () => {
  const whole = step({});
  const graph = tiled(whole);
  const [dy, filters, bias] = whole.outputs.map(({ node }) => byName(graph).get(node));
  const pooled = byName(graph).get(dy?.inputs[0]?.node ?? '');
  assert.equal(pooled?.op, 'ConcatV2');
  assert.equal(pooled?.name, all(whole, 'MaxPool')[0]?.name);
  assert.deepEqual([filters?.op, bias?.op], ['AddN', 'AddN']);
  assert.equal(filters?.inputs.length, 4);
});

test('the backward pass takes the forward pass’s tiles, not a copy of the whole', () => {
  const graph = tiled(step({}));
  for (const [tile, { inputs }] of all(graph, 'ReluGrad').entries()) {
    assert.equal(inputs[1]?.node, all(graph, 'Relu')[tile]?.name);
  }
});

test('a tile begins when the one before it is through', () => {
  const graph = tiled(step({}));
  const slices = all(graph, 'Slice').filter(({ name }) => name.includes('Conv2D_'));
  const pools = all(graph, 'MaxPool').map(({ name }) => name);
  assert.deepEqual(
    slices.map(({ control }) => control),
    [[], ...pools.slice(0, -1).map((name) => [name])],
  );
});

test('each node comes after what it reads or waits for', () => {
  const seen = new Set<string>();
  for (const { name, inputs, control } of tiled(step({ rows: 7 })).nodes) {
    for (const source of [...inputs.map(({ node }) => node), ...control]) assert.ok(seen.has(source), source);
    seen.add(name);
  }
});

test('small values, weights as large as the values, and values that others read stay whole', () => {
  const whole = (graph: Graph): void => assert.equal(tileRows(graph), graph);
  whole(step({ side: 32 }));
  whole(step({ rows: 8, side: 8, filters: 4096 }));
  whole(step({ rows: 1, side: 256 }));
  whole(step({ readsGradient: true }));
});

test('tiling twice gives what once gives', () => {
  const once = tiled(step({}));
  assert.deepEqual(tiled(once), once);
});

test('a run of a cut step waits for nothing in another run', () => {
  const { nodes, outputs } = tiled(step({}));
  const [dy, filters, bias] = outputs as [Ref, Ref, Ref];
  const cut = cutSegments(nodes, [[dy], [bias], [filters]], 'step');
  const backward = cut.nodes.filter(({ name }) => /^step\/(Sum|Conv2DBackpropFilter)_\d+_tile/.test(name));
  const filterTiles = new Set(backward.filter(({ op }) => op === 'Conv2DBackpropFilter').map(({ name }) => name));
  const early = new Set<string>();
  const pending = [...(cut.segments[1]?.outputs ?? []), cut.segments[1]?.token].map((ref) => ref?.node ?? '');
  const named = new Map(cut.nodes.map((node) => [node.name, node]));
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (early.has(name)) continue;
    early.add(name);
    const node = named.get(name);
    pending.push(...(node?.inputs ?? []).map((ref) => ref.node), ...(node?.control ?? []));
  }
  assert.equal(filterTiles.size, 4);
  for (const name of filterTiles) assert.ok(!early.has(name), `${name} is not computed for the bias`);
});
