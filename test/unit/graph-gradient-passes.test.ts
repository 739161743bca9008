import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dtypes,
  type Graph,
  GraphBuilder,
  type GraphNode,
  optimize,
  type Ref,
  typeAttr,
} from '../../worker/graph/index.ts';

const float = typeAttr(dtypes.float32);

/** ReLU → max pooling → something, and back: what a recorded CNN's step has. */
function poolingStep(options: { format?: string; sumAxes?: readonly number[]; readsSpread?: boolean }): Graph {
  const builder = new GraphBuilder();
  const format = { kind: 'string', value: options.format ?? 'NHWC' } as const;
  const x = builder.placeholder('x', dtypes.float32, [1, 4, 4, 2]);
  const dy = builder.placeholder('dy', dtypes.float32, [1, 2, 2, 2]);
  const relu = builder.add('Relu', [x], { T: float });
  const pooled = builder.add('MaxPool', [relu], { T: float, data_format: format });
  const spread = builder.add('MaxPoolGrad', [relu, pooled, dy], { T: float, data_format: format });
  const masked = builder.add('ReluGrad', [spread, relu], { T: float }, { name: 'dx' });
  const axes = builder.ints(options.sumAxes ?? [0, 1, 2]);
  const bias = builder.add('Sum', [masked, axes], { T: float }, { name: 'db' });
  return { nodes: builder.nodes, outputs: [masked, bias, ...(options.readsSpread ? [spread] : [])] };
}

function only(graph: Graph, op: string): GraphNode {
  const found = graph.nodes.filter((node) => node.op === op);
  assert.equal(found.length, 1, `${found.length} nodes ${op}`);
  return found[0] as GraphNode;
}

const names = (refs: readonly Ref[]): string[] => refs.map(({ node }) => node);

test('the gradient of a ReLU is masked before max pooling spreads it, under the same name', () => {
  const graph = optimize(poolingStep({}));
  const relu = only(graph, 'ReluGrad');
  assert.deepEqual(names(relu.inputs), ['dy', only(graph, 'MaxPool').name]);
  const spread = only(graph, 'MaxPoolGrad');
  assert.equal(spread.name, 'dx');
  assert.deepEqual(names(spread.inputs), [only(graph, 'Relu').name, only(graph, 'MaxPool').name, relu.name]);
});

test('a bias’s gradient is summed before max pooling spreads it', () => {
  const graph = optimize(poolingStep({}));
  assert.equal(only(graph, 'Sum').inputs[0]?.node, only(graph, 'ReluGrad').name);
});

test('a spread gradient that somebody else reads stays as it is', () => {
  const graph = optimize(poolingStep({ readsSpread: true }));
  assert.deepEqual(names(only(graph, 'ReluGrad').inputs), [only(graph, 'MaxPoolGrad').name, only(graph, 'Relu').name]);
  assert.equal(only(graph, 'Sum').inputs[0]?.node, 'dx');
});

test('a sum that is not over all positions, or of another layout, stays where it is', () => {
  for (const options of [{ sumAxes: [0, 1] }, { sumAxes: [1, 2, 3] }, { format: 'NCHW' }]) {
    assert.equal(only(optimize(poolingStep(options)), 'Sum').inputs[0]?.node, 'dx');
  }
});

test('optimizing twice gives what once gives', () => {
  const once = optimize(poolingStep({}));
  assert.deepEqual(optimize(once), once);
});

/** Two flat values laid behind each other and cut at `lengths`. */
function cutConcat(lengths: readonly number[]): Graph {
  const builder = new GraphBuilder();
  const axis = builder.constant({ dtype: dtypes.int32, shape: [], bytes: new Uint8Array(4) });
  const flat = [2, 3].map((length) => {
    const value = builder.placeholder(`value${length}`, dtypes.float32, [length, 1]);
    return builder.add('Reshape', [value, builder.ints([length])], { T: float }, { name: `flat${length}` });
  });
  const both = builder.add('ConcatV2', [...flat, axis], { T: float, N: { kind: 'int', value: 2 } });
  const split = builder.add('SplitV', [both, builder.ints(lengths), axis], { T: float });
  return { nodes: builder.nodes, outputs: lengths.map((_, output) => ({ ...split, output })) };
}

test('what is laid behind each other only to be cut apart again is passed on directly', () => {
  const graph = optimize(cutConcat([2, 3]));
  assert.deepEqual(names(graph.outputs), ['flat2', 'flat3']);
  assert.ok(graph.nodes.every(({ op }) => op !== 'ConcatV2' && op !== 'SplitV'));
});

test('cuts elsewhere than at the seams stay', () => {
  for (const lengths of [
    [3, 2],
    [1, 4],
    [1, 1, 3],
  ])
    only(optimize(cutConcat(lengths)), 'SplitV');
});
