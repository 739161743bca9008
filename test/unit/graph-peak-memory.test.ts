import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dtypes,
  estimatePeakMemory,
  GraphBuilder,
  multiplyInBfloat16,
  type Ref,
  typeAttr,
} from '../../worker/graph/index.ts';

const float = { T: typeAttr(dtypes.float32) };
const KIB = 1024;

/** A value of 1 KiB. */
function add(builder: GraphBuilder, op: string, ...inputs: readonly Ref[]): Ref {
  return builder.add(op, inputs, float, { shapes: [[16, 16]], dtypes: [dtypes.float32] });
}

test('a value counts from its node to its last reader', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [16, 16]);
  let value = x;
  for (let depth = 0; depth < 5; depth++) value = add(builder, 'Tanh', value);
  assert.equal(estimatePeakMemory({ nodes: builder.nodes, outputs: [value] }).peakBytes, 2 * KIB);
  const kept = add(builder, 'Mul', value, x);
  assert.equal(estimatePeakMemory({ nodes: builder.nodes, outputs: [kept] }).peakBytes, 3 * KIB);
});

test('a reshape is the same memory, read for as long as either is', () => {
  const builder = new GraphBuilder();
  const x = add(builder, 'Tanh', builder.placeholder('x', dtypes.float32, [16, 16]));
  const flat = builder.add('Reshape', [x, builder.ints([256])], float, { shapes: [[256]], dtypes: [dtypes.float32] });
  const other = add(builder, 'Tanh', x);
  const sum = add(builder, 'Mul', other, flat);
  assert.equal(estimatePeakMemory({ nodes: builder.nodes, outputs: [sum] }).peakBytes, 3 * KIB);
});

test('bfloat16 takes half, constants are told apart, and unknown shapes are counted', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [16, 16]);
  const graph = multiplyInBfloat16({ nodes: builder.nodes, outputs: [add(builder, 'MatMul', x, builder.scalar(1))] });
  const estimate = estimatePeakMemory(graph);
  // The product in bfloat16 while it is cast to float32, and x itself is no longer read.
  assert.equal(estimate.peakBytes, 1.5 * KIB);
  assert.equal(estimate.constantBytes, 4);
  assert.equal(estimate.unknown, 2, 'neither the shape of x after its cast nor that of the scalar is recorded');
});
