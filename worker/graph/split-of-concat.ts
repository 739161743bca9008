import { dtypes, type GraphNode, type Ref, refText } from './node.ts';
import type { Pass } from './passes.ts';

/**
 * Joins both ends of values that are laid behind each other only to be cut apart again: each part of a SplitV of a
 * ConcatV2 is what went in, if the lengths are the same. The values are flat, each a Reshape to one known length.
 */
export const cancelSplitOfConcat: Pass = (graph) => {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const replaced = new Map<string, Ref>();
  for (const split of graph.nodes) {
    if (split.op !== 'SplitV') continue;
    const concat = producer(nodes, split, 0);
    if (concat?.op !== 'ConcatV2' || concat.control.length > 0) continue;
    const parts = concat.inputs.slice(0, -1);
    const lengths = parts.map((part) => flatLength(nodes, part));
    if (lengths.includes(undefined) || String(lengths) !== String(intsOf(producer(nodes, split, 1)))) continue;
    for (const [output, part] of parts.entries()) replaced.set(`${split.name}:${output}`, part);
  }
  const resolve = (ref: Ref): Ref => replaced.get(refText(ref)) ?? ref;
  return {
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(resolve) })),
    outputs: graph.outputs.map(resolve),
  };
};

function producer(nodes: ReadonlyMap<string, GraphNode>, node: GraphNode, input: number): GraphNode | undefined {
  const ref = node.inputs[input];
  return ref === undefined ? undefined : nodes.get(ref.node);
}

function flatLength(nodes: ReadonlyMap<string, GraphNode>, part: Ref): number | undefined {
  const node = nodes.get(part.node);
  if (node?.op !== 'Reshape') return undefined;
  const shape = intsOf(producer(nodes, node, 1));
  return shape?.length === 1 ? shape[0] : undefined;
}

/** The values of a constant vector of int32. */
function intsOf(node: GraphNode | undefined): number[] | undefined {
  const value = node?.op === 'Const' ? node.attrs['value'] : undefined;
  if (value?.kind !== 'tensor' || value.value.dtype !== dtypes.int32) return undefined;
  return [...new Int32Array(value.value.bytes.slice().buffer)];
}
