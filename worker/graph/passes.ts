import { createHash } from 'node:crypto';
import { sectionOf } from './layer-of.ts';
import { type Attr, type GraphNode, isStateful, type Ref, refText } from './node.ts';
import { maskBeforeUnpooling, sumBeforeUnpooling } from './pool-gradients.ts';
import { cancelSplitOfConcat } from './split-of-concat.ts';

/** A graph and the outputs that will be fetched from it; passes keep what those compute. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly Ref[];
}

export type Pass = (graph: Graph) => Graph;

/** Drops what no output depends on. Placeholders stay: they are what a caller may feed, read or not. */
export const dropDeadNodes: Pass = (graph) => {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const live = new Set<string>();
  const pending = graph.outputs.map((ref) => ref.node);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (live.has(name)) continue;
    live.add(name);
    const node = byName.get(name);
    if (node === undefined) throw new Error(`invariant broken: the graph has no node ${name}`);
    for (const input of node.inputs) pending.push(input.node);
    pending.push(...node.control);
  }
  return {
    nodes: graph.nodes.filter((node) => live.has(node.name) || node.op === 'Placeholder'),
    outputs: graph.outputs,
  };
};

/**
 * Merges nodes that compute the same: equal op, attributes and (already merged) inputs. This pools equal constants
 * too. Stateful ops are left alone, and so are equal ops of two sections: those run in calls of their own.
 */
export const mergeCommonNodes: Pass = (graph) => {
  const kept: GraphNode[] = [];
  const firstByKey = new Map<string, string>();
  const mergedInto = new Map<string, string>();
  const rename = (ref: Ref): Ref => ({ node: mergedInto.get(ref.node) ?? ref.node, output: ref.output });
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(rename);
    const control = node.control.map((name) => mergedInto.get(name) ?? name);
    const renamed = { ...node, inputs, control };
    const key = isStateful(node.op) || control.length > 0 ? undefined : computationKey(renamed);
    const first = key === undefined ? undefined : firstByKey.get(key);
    if (first !== undefined) {
      mergedInto.set(node.name, first);
      continue;
    }
    if (key !== undefined) firstByKey.set(key, node.name);
    kept.push(renamed);
  }
  return { nodes: kept, outputs: graph.outputs.map(rename) };
};

function computationKey(node: GraphNode): string {
  const attrs = Object.entries(node.attrs)
    .map(([name, attr]) => `${name}=${attrKey(attr)}`)
    .sort();
  const section = node.op === 'Const' ? '' : sectionOf(node.name);
  return [section, node.op, ...node.inputs.map(refText), ...attrs].join('\n');
}

function attrKey(attr: Attr): string {
  if (attr.kind !== 'tensor') return JSON.stringify(attr);
  const { dtype, shape, bytes } = attr.value;
  const content =
    bytes.length <= 64 ? Buffer.from(bytes).toString('hex') : createHash('sha256').update(bytes).digest('hex');
  return `tensor:${dtype}:${shape.join('x')}:${content}`;
}

/** Ops whose output is their input when their parameters say so; tfjs emits many of them. */
export const dropIdentities: Pass = (graph) => {
  const replaced = new Map<string, Ref>();
  const resolve = (ref: Ref): Ref => replaced.get(refText(ref)) ?? ref;
  const kept: GraphNode[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(resolve);
    const [first] = inputs;
    if (first !== undefined && node.op === 'Identity' && node.control.length === 0) {
      replaced.set(`${node.name}:0`, first);
      continue;
    }
    kept.push({ ...node, inputs });
  }
  return { nodes: kept, outputs: graph.outputs.map(resolve) };
};

/** The order matters: identities hide equal nodes, and merging leaves dead ones. */
export const optimize: Pass = (graph) => {
  const merged = mergeCommonNodes(dropIdentities(graph));
  return dropDeadNodes(sumBeforeUnpooling(maskBeforeUnpooling(cancelSplitOfConcat(merged))));
};
