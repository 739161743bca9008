import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Attr,
  dtypes,
  type Graph,
  GraphBuilder,
  type GraphNode,
  multiplyInBfloat16,
  optimize,
  type Ref,
  typeAttr,
} from '../../worker/graph/index.ts';

const float = { T: typeAttr(dtypes.float32) };

function mixed(builder: GraphBuilder, ...outputs: readonly Ref[]): Graph {
  return optimize(multiplyInBfloat16({ nodes: builder.nodes, outputs }));
}

function opsOf({ nodes }: Graph): string[] {
  return nodes.map(({ op }) => op);
}

function only({ nodes }: Graph, op: string): GraphNode {
  const found = nodes.filter((node) => node.op === op);
  assert.equal(found.length, 1, `${found.length} nodes of ${op}`);
  return found[0] as GraphNode;
}

function typeOf(attr: Attr | undefined): number | undefined {
  return attr?.kind === 'type' ? attr.value : undefined;
}

/** What a cast casts, and to which type. */
function castOf({ nodes }: Graph, ref: Ref | undefined): { input: string | undefined; to: number | undefined } {
  const node = nodes.find(({ name }) => name === ref?.node);
  assert.equal(node?.op, 'Cast');
  return { input: node?.inputs[0]?.node, to: typeOf(node?.attrs['DstT']) };
}

test('a product takes bfloat16 and gives float32', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [2, 2]);
  const w = builder.placeholder('w', dtypes.float32, [2, 2]);
  const graph = mixed(builder, builder.add('MatMul', [x, w], float));
  const product = only(graph, 'MatMul');
  assert.deepEqual(product.attrs['T'], typeAttr(dtypes.bfloat16));
  assert.deepEqual(castOf(graph, product.inputs[0]), { input: 'x', to: dtypes.bfloat16 });
  assert.deepEqual(castOf(graph, product.inputs[1]), { input: 'w', to: dtypes.bfloat16 });
  assert.deepEqual(castOf(graph, graph.outputs[0]), { input: product.name, to: dtypes.float32 });
});

test('the shapes that a convolution’s gradients take stay as they are', () => {
  const builder = new GraphBuilder();
  const [x, filter, dy] = ['x', 'filter', 'dy'].map((name) => builder.placeholder(name, dtypes.float32, [1, 2, 2, 1]));
  const shape = builder.ints([1, 2, 2, 1]);
  const graph = mixed(
    builder,
    builder.add('Conv2DBackpropInput', [shape, filter as Ref, dy as Ref], float),
    builder.add('Conv2DBackpropFilter', [x as Ref, shape, dy as Ref], float),
  );
  assert.equal(only(graph, 'Conv2DBackpropInput').inputs[0]?.node, shape.node);
  assert.equal(only(graph, 'Conv2DBackpropFilter').inputs[1]?.node, shape.node);
});

test('a value is cast once, however many products read it', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [2, 2]);
  const products = [false, true].map((flag) =>
    builder.add('MatMul', [x, x], { ...float, transpose_a: { kind: 'bool', value: flag } }),
  );
  const graph = mixed(builder, ...products);
  const narrowing = graph.nodes.filter(({ op, attrs }) => op === 'Cast' && typeOf(attrs['DstT']) === dtypes.bfloat16);
  assert.equal(narrowing.length, 1);
});

test('a product of a product stays in bfloat16 on the way', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [2, 2]);
  const inner = builder.add('BatchMatMulV2', [x, x], float);
  const graph = mixed(builder, builder.add('MatMul', [inner, x], float));
  assert.equal(only(graph, 'MatMul').inputs[0]?.node, inner.node);
  assert.deepEqual(opsOf(graph), ['Placeholder', 'Cast', 'BatchMatMulV2', 'MatMul', 'Cast']);
});

test('other ops, other types and updates are left alone', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [2, 2]);
  const i = builder.placeholder('i', dtypes.int32, [2, 2]);
  const whole = builder.add('MatMul', [i, i], { T: typeAttr(dtypes.int32) });
  const softmax = builder.add('Softmax', [x], float);
  const handle = builder.variable('w', [2, 2]);
  const update = builder.add('ResourceApplyGradientDescent', [handle, builder.scalar(1), x], float);
  const before = { nodes: builder.nodes, outputs: [whole, softmax, builder.token('done', [update.node])] };
  assert.deepEqual(multiplyInBfloat16(before), { ...before, nodes: [...builder.nodes] });
});

test('a cast counts to the layer of the product that it is for', () => {
  const builder = new GraphBuilder('step');
  const x = builder.placeholder('x', dtypes.float32, [2, 2]);
  const product = builder.within('dense', () => builder.add('MatMul', [x, x], float));
  for (const { op, name } of mixed(builder, product).nodes) if (op === 'Cast') assert.match(name, /^step\/dense\//);
});
