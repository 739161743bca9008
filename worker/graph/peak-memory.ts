import { dtypes, type GraphNode, type Ref, refText } from './node.ts';
import { dropDeadNodes, type Graph } from './passes.ts';

export interface MemoryEstimate {
  /** Most bytes that values of one run hold at any one time, its inputs and results with them, weights without. */
  readonly peakBytes: number;
  /** Nodes whose outputs have no known shape; they count as nothing. */
  readonly unknown: number;
  /** Bytes of constants, which stay. */
  readonly constantBytes: number;
}

/** Ops whose output is their first input's memory. */
const aliasOps = new Set(['Reshape', 'Identity', 'Squeeze', 'ExpandDims', 'StopGradient']);

/** Ops whose output is a variable's memory or none. */
const freeOps = new Set(['ReadVariableOp', 'VarHandleOp', 'AssignVariableOp']);

/**
 * Runs the nodes in their order in mind: a value lives from its node to its last reader. TensorFlow may do with less,
 * because it lets elementwise ops write over their input, and needs more for what kernels take while they run.
 */
export function estimatePeakMemory(graph: Graph): MemoryEstimate {
  const { nodes } = dropDeadNodes(graph);
  const root = findRoots(nodes);
  const rootOf = (ref: Ref): string => root.get(refText(ref)) ?? refText(ref);
  const lastReader = new Map<string, number>();
  for (const [position, node] of nodes.entries()) {
    for (const input of node.inputs) lastReader.set(rootOf(input), position);
  }
  for (const output of graph.outputs) lastReader.set(rootOf(output), nodes.length);
  const freedAfter = new Map<number, number>();
  let [live, peakBytes, unknown, constantBytes] = [0, 0, 0, 0];
  for (const [position, node] of nodes.entries()) {
    const sizes = outputBytes(node);
    if (sizes === undefined) unknown++;
    else if (node.op === 'Const') constantBytes += sizes[0] ?? 0;
    else if (!aliasOps.has(node.op)) {
      for (const [output, bytes] of sizes.entries()) {
        live += bytes;
        const end = lastReader.get(refText({ node: node.name, output })) ?? position;
        freedAfter.set(end, (freedAfter.get(end) ?? 0) + bytes);
      }
    }
    peakBytes = Math.max(peakBytes, live);
    live -= freedAfter.get(position) ?? 0;
  }
  return { peakBytes, unknown, constantBytes };
}

function findRoots(nodes: readonly GraphNode[]): ReadonlyMap<string, string> {
  const root = new Map<string, string>();
  for (const { name, op, inputs } of nodes) {
    const [first] = inputs;
    if (!aliasOps.has(op) || first === undefined) continue;
    root.set(refText({ node: name, output: 0 }), root.get(refText(first)) ?? refText(first));
  }
  return root;
}

/** Bytes of each output, undefined where nobody knows. */
function outputBytes(node: GraphNode): readonly number[] | undefined {
  if (freeOps.has(node.op) || (node.dtypes === undefined && node.op.startsWith('Resource'))) return [];
  const { value, shape, dtype } = node.attrs;
  if (node.op === 'Const' && value?.kind === 'tensor') return [value.value.bytes.length];
  if (node.op === 'Placeholder' && shape?.kind === 'shape' && dtype?.kind === 'type') {
    return [count(shape.value) * widthOf(dtype.value)];
  }
  return node.shapes?.map((dimensions, output) => count(dimensions) * widthOf(node.dtypes?.[output] ?? dtypes.float32));
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

const widths: ReadonlyMap<number, number> = new Map([
  [dtypes.bool, 1],
  [dtypes.bfloat16, 2],
  [dtypes.int64, 8],
  [dtypes.float64, 8],
  [dtypes.complex64, 8],
  [dtypes.resource, 0],
]);

function widthOf(dtype: number): number {
  return widths.get(dtype) ?? 4;
}
