import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  cutSegments,
  dtypes,
  GraphBuilder,
  type GraphNode,
  type Ref,
  type SegmentedGraph,
  typeAttr,
} from '../../worker/graph/index.ts';

const float = { T: typeAttr(dtypes.float32) };

/** What `ref` computes in one run, as an expression; a variable gives what an earlier run wrote in it. */
function evaluate(nodes: ReadonlyMap<string, GraphNode>, ref: Ref, variables: ReadonlyMap<string, string>): string {
  const node = nodes.get(ref.node);
  assert.ok(node !== undefined, `node ${ref.node} exists`);
  if (node.op === 'ReadVariableOp') {
    const handle = node.inputs[0]?.node ?? '';
    const value = handle.startsWith('w') ? handle : variables.get(handle);
    assert.ok(value !== undefined, `${handle} was written before it is read`);
    return value;
  }
  const inputs = node.inputs.map((input) => evaluate(nodes, input, variables));
  return inputs.length === 0 ? ref.node : `${ref.node}(${inputs.join(',')})`;
}

/** Runs the segments in order; gives each group's values and how often each node ran. */
function runAll({ nodes, segments }: SegmentedGraph): { values: string[][]; runs: Map<string, number> } {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const variables = new Map<string, string>();
  const runs = new Map<string, number>();
  const values = segments.map(({ outputs, token }) => {
    const writes = token === undefined ? [] : (byName.get(token.node)?.control ?? []).map((name) => byName.get(name));
    const fetched = outputs.map((ref) => evaluate(byName, ref, variables));
    const written = writes.map((write) => {
      const [handle, value] = write?.inputs ?? [];
      return [handle?.node ?? '', evaluate(byName, value as Ref, variables)] as const;
    });
    for (const name of reached(byName, [...outputs, ...writes.flatMap((write) => write?.inputs ?? [])])) {
      runs.set(name, (runs.get(name) ?? 0) + 1);
    }
    for (const [handle, value] of written) variables.set(handle, value);
    return fetched;
  });
  return { values, runs };
}

function reached(nodes: ReadonlyMap<string, GraphNode>, refs: readonly Ref[]): Set<string> {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const input of nodes.get(name)?.inputs ?? []) visit(input.node);
  };
  for (const ref of refs) visit(ref.node);
  return seen;
}

/** A random graph over one input and one weight, and random groups of outputs. */
const graphs = fc.tuple(
  fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 25 }),
  fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
);

test('segments compute the same values as one run, and each input-dependent node once', () => {
  fc.assert(
    fc.property(graphs, ([edges, groupPicks]) => {
      const builder = new GraphBuilder();
      const refs: Ref[] = [builder.placeholder('x', dtypes.float32, [])];
      refs.push(builder.add('ReadVariableOp', [builder.variable('w', [])], {}));
      for (const [a, b] of edges) {
        refs.push(builder.add('Add', [refs[a % refs.length] as Ref, refs[b % refs.length] as Ref], float));
      }
      const groups = groupPicks.map((picks) => picks.map((pick) => refs[pick % refs.length] as Ref));
      const byName = new Map(builder.nodes.map((node) => [node.name, node]));
      const expected = groups.map((group) => group.map((ref) => evaluate(byName, ref, new Map())));
      const { values, runs } = runAll(cutSegments(builder.nodes, groups, 'step'));
      assert.deepEqual(values, expected);
      for (const node of builder.nodes) {
        const isComputed = node.op === 'Add' && reached(byName, [{ node: node.name, output: 0 }]).has('x');
        if (isComputed) assert.ok((runs.get(node.name) ?? 0) <= 1, `${node.name} ran ${runs.get(node.name)} times`);
      }
    }),
  );
});

test('one group needs no variables', () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder('x', dtypes.float32, []);
  const { nodes, segments } = cutSegments(builder.nodes, [[builder.add('Relu', [x], float)]], 'step');
  assert.deepEqual(
    nodes.map(({ op }) => op),
    ['Placeholder', 'Relu'],
  );
  assert.equal(segments[0]?.token, undefined);
});
