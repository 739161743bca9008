import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dtypes, FixedBatch, freeBatch, GraphBuilder, type GraphNode } from '../../worker/graph/index.ts';

const ROWS = { node: 'rows', output: 0 };

function int32(shape: readonly number[], values: readonly number[]) {
  return { dtype: dtypes.int32, shape, bytes: new Uint8Array(Int32Array.from(values).buffer) };
}

function float32(shape: readonly number[], values: readonly number[]) {
  return { dtype: dtypes.float32, shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

function freed(record: (builder: GraphBuilder, rows: number) => void): GraphNode[] {
  const traces = [3, 5, 8].map((rows) => {
    const builder = new GraphBuilder('model', 'layer');
    record(builder, rows);
    return { rows, nodes: builder.nodes };
  });
  return freeBatch(traces, ROWS);
}

function contents(nodes: readonly GraphNode[], ref: { readonly node: string }): number[] {
  const value = nodes.find(({ name }) => name === ref.node)?.attrs['value'];
  assert.ok(value?.kind === 'tensor');
  const { dtype, bytes } = value.value;
  return [...(dtype === dtypes.int32 ? new Int32Array(bytes.slice().buffer) : new Float32Array(bytes.slice().buffer))];
}

test('what no batch changes stays as it is', () => {
  const nodes = freed((builder) => builder.add('Relu', [builder.constant(int32([2], [4, 5]))], {}));
  assert.deepEqual(
    nodes.map(({ name, op }) => [name, op]),
    [
      ['model/layer/Const_0', 'Const'],
      ['model/layer/Relu_1', 'Relu'],
    ],
  );
});

test('sizes that grow with the batch are computed from its rows, under the constant’s name', () => {
  const nodes = freed((builder, rows) => builder.constant(int32([3], [2 * rows, 7, rows + 1]), { name: 'shape' }));
  const [sum] = nodes.filter(({ name }) => name === 'shape') as [GraphNode];
  assert.equal(sum.op, 'AddV2');
  const [fixed, grown] = sum.inputs as [GraphNode['inputs'][0], GraphNode['inputs'][0]];
  assert.deepEqual(contents(nodes, fixed), [0, 7, 1]);
  const product = nodes.find(({ name }) => name === grown.node) as GraphNode;
  assert.deepEqual(contents(nodes, product.inputs[0] as GraphNode['inputs'][0]), [2, 0, 1]);
  assert.deepEqual(product.inputs[1], ROWS);
  const order = nodes.map(({ name }) => name);
  assert.ok(order.indexOf(grown.node) < order.indexOf('shape'), 'inputs come first');
});

test('equal rows are one row repeated', () => {
  const nodes = freed((builder, rows) => {
    const values = Array.from({ length: rows }, () => [1, 2]).flat();
    builder.constant(float32([rows, 2], values), { name: 'state' });
  });
  const state = nodes.find(({ name }) => name === 'state') as GraphNode;
  assert.equal(state.op, 'BroadcastTo');
  assert.deepEqual(contents(nodes, state.inputs[0] as GraphNode['inputs'][0]), [1, 2]);
});

const refused: readonly (readonly [string, (builder: GraphBuilder, rows: number) => void, RegExp])[] = [
  ['values', (builder, rows) => builder.constant(float32([], [1 / rows])), /other values/],
  [
    'rows that differ',
    (builder, rows) => builder.constant(float32([rows], [...Array(rows).keys()])),
    /other values per row/,
  ],
  ['sizes that do not grow evenly', (builder, rows) => builder.constant(int32([], [rows ** 2])), /evenly/],
  ['sizes that grow by parts', (builder, rows) => builder.constant(int32([], [Math.floor(rows / 2)])), /evenly/],
  ['ops', (builder, rows) => builder.add(rows > 4 ? 'Relu' : 'Elu', [], {}), /takes other ops/],
  [
    'attributes',
    (builder, rows) => builder.add('Split', [], { num: { kind: 'int', value: rows } }),
    /another num in its op Split/,
  ],
  [
    'more ops',
    (builder, rows) => builder.nodes.push(...Array.from({ length: rows }, () => noop)),
    /another number of ops/,
  ],
];

const noop: GraphNode = { name: 'n', op: 'NoOp', inputs: [], control: [], attrs: {} };

for (const [what, record, message] of refused) {
  test(`a batch that changes ${what} cannot be freed`, () => {
    assert.throws(
      () => freed(record),
      (error) => error instanceof FixedBatch && message.test(error.message),
    );
  });
}
