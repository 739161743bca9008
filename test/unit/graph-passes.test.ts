import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensorflow } from '../../proto/generated/tensorflow.js';
import { assertPure } from '../../worker/engine/compiled/purity.ts';
import {
  dtypes,
  encodeSavedModel,
  GraphBuilder,
  isGradient,
  layerOf,
  optimize,
  typeAttr,
} from '../../worker/graph/index.ts';

const float = { T: typeAttr(dtypes.float32) };

test('what no output depends on is dropped, except placeholders', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [2]);
  builder.placeholder('unused', dtypes.float32, []);
  const used = builder.add('Relu', [x], float);
  builder.add('Tanh', [x], float);
  const { nodes } = optimize({ nodes: builder.nodes, outputs: [used] });
  assert.deepEqual(
    nodes.map(({ op }) => op),
    ['Placeholder', 'Placeholder', 'Relu'],
  );
});

test('what only orders another node stays', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, [2]);
  const handle = builder.variable('w', [2]);
  const assign = builder.add('AssignVariableOp', [handle, x], {});
  const { nodes } = optimize({ nodes: builder.nodes, outputs: [builder.token('done', [assign.node])] });
  assert.ok(nodes.some(({ op }) => op === 'AssignVariableOp'));
});

test('equal computations and equal constants become one; different ones do not', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, []);
  const sum = (value: number) => builder.add('Add', [x, builder.scalar(value)], float);
  const [one, again, other] = [sum(1), sum(1), sum(2)];
  const { nodes, outputs } = optimize({ nodes: builder.nodes, outputs: [one, again, other] });
  assert.equal(nodes.filter(({ op }) => op === 'Const').length, 2);
  assert.equal(nodes.filter(({ op }) => op === 'Add').length, 2);
  assert.deepEqual(outputs[0], outputs[1]);
  assert.notDeepEqual(outputs[0], outputs[2]);
});

test('reads of a variable and updates are never merged', () => {
  const builder = new GraphBuilder();
  const handle = builder.variable('w', []);
  const reads = [0, 1].map(() => builder.add('ReadVariableOp', [handle], {}));
  const { outputs } = optimize({ nodes: builder.nodes, outputs: reads });
  assert.notDeepEqual(outputs[0], outputs[1]);
});

test('a saved model decodes to the nodes that were written', () => {
  const builder = new GraphBuilder('step');
  const x = builder.placeholder('x', dtypes.float32, [2, 3]);
  builder.within('dense 1', () =>
    builder.add('MatMul', [x, x], { ...float, transpose_b: { kind: 'bool', value: true } }),
  );
  const decoded = tensorflow.SavedModel.decode(encodeSavedModel(builder.nodes));
  const nodes = decoded.metaGraphs?.[0]?.graphDef?.node ?? [];
  assert.deepEqual(
    nodes.map(({ name, op }) => [name, op]),
    [
      ['x', 'Placeholder'],
      ['step/dense_1/MatMul_0', 'MatMul'],
    ],
  );
  assert.deepEqual(nodes[1]?.input, ['x', 'x']);
  assert.equal(nodes[1]?.attr?.transpose_b?.b, true);
});

function recorded(value: number, ops: readonly string[] = ['Add']): GraphBuilder {
  const builder = new GraphBuilder('step');
  const x = builder.placeholder('x', dtypes.float32, []);
  builder.within('noise', () => {
    for (const op of ops) builder.add(op, [x, builder.scalar(value)], float);
  });
  return builder;
}

test('a constant that changes between two recordings is reported with its reader and layer', () => {
  assert.doesNotThrow(() => assertPure(recorded(1).nodes, recorded(1).nodes));
  assert.throws(
    () => assertPure(recorded(1).nodes, recorded(2).nodes),
    /layer noise.*constant that Add reads changes \(1, then 2/,
  );
});

test('ops that change between two recordings are reported', () => {
  assert.throws(() => assertPure(recorded(1, ['Add']).nodes, recorded(1, ['Sub']).nodes), /Add, then Sub/);
  assert.throws(() => assertPure(recorded(1, ['Add', 'Sub']).nodes, recorded(1, ['Add']).nodes), /nothing/);
});

test('names tell the layer, also of nested ones', () => {
  assert.equal(layerOf('step/outer/inner/Add_1'), 'outer/inner');
  assert.equal(layerOf('step/Add_1'), undefined);
  assert.equal(layerOf('step/outer/inner/gradient/Add_1'), 'outer/inner');
  assert.deepEqual(['step/inner/gradient/Add_1', 'step/inner/Add_1', 'step/gradient/Add_1'].map(isGradient), [
    true,
    false,
    false,
  ]);
});
