import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dtypes, EMPTY_READINGS, GraphBuilder, optimize, timeNodes, typeAttr } from '../../worker/graph/index.ts';

const float = { T: typeAttr(dtypes.float32) };

/** (x·x → Relu, Tanh nobody reads), and a variable that another run sets. */
function small() {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [2, 2]);
  const product = builder.add('MatMul', [x, x], float);
  const output = builder.add('Relu', [product], float);
  builder.add('Tanh', [x], float);
  const assign = builder.add('AssignVariableOp', [builder.variable('w', [2, 2]), x], {});
  const assigned = builder.token('assigned', [assign.node]);
  return { graph: { nodes: builder.nodes, outputs: [output] }, product, output, assigned };
}

test('the clock is read before the first node that is needed and after each one, in their order', () => {
  const { graph, product, output } = small();
  const { nodes, timed } = timeNodes(graph);
  assert.deepEqual(
    timed.map(({ name }) => name),
    [product.node, output.node],
  );
  const control = (name: string) => nodes.find((node) => node.name === name)?.control;
  const reading = (index: number) => `clock/reading${index}`;
  assert.deepEqual(control(product.node), [reading(EMPTY_READINGS)]);
  assert.deepEqual(control(reading(EMPTY_READINGS + 1)), [reading(EMPTY_READINGS), product.node]);
  assert.deepEqual(control(output.node), [reading(EMPTY_READINGS + 1)]);
  assert.deepEqual(control(reading(EMPTY_READINGS + 2)), [reading(EMPTY_READINGS + 1), output.node]);
});

test('what is only there to set variables is kept and not timed', () => {
  const { graph, assigned } = small();
  const { nodes, timed } = timeNodes(graph, [assigned]);
  assert.ok(nodes.some(({ op }) => op === 'AssignVariableOp'));
  assert.ok(!nodes.some(({ op }) => op === 'Tanh'));
  assert.ok(timed.every(({ op }) => op === 'MatMul' || op === 'Relu'));
  assert.equal(new Set(nodes.map(({ name }) => name)).size, nodes.length, 'no name is there twice');
});

test('readings are never merged or dropped by the other passes', () => {
  const timed = timeNodes(small().graph);
  const { nodes } = optimize({ nodes: timed.nodes, outputs: [timed.readings] });
  assert.equal(nodes.filter(({ op }) => op === 'Timestamp').length, EMPTY_READINGS + 1 + timed.timed.length);
});
