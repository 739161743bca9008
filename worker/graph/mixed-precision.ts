import { typeAttr } from './builder.ts';
import { type Attr, dtypes, type GraphNode, type Ref, refText } from './node.ts';
import type { Pass } from './passes.ts';

/** Inputs of each op that hold float32 values to multiply; others are shapes. Every one has its type in `T`. */
const multiplied: Readonly<Record<string, readonly number[]>> = {
  MatMul: [0, 1],
  BatchMatMul: [0, 1],
  BatchMatMulV2: [0, 1],
  Conv2D: [0, 1],
  Conv2DBackpropInput: [1, 2],
  Conv2DBackpropFilter: [0, 2],
};

/**
 * Mixed precision as Keras names it `mixed_bfloat16`: matrix products and convolutions, forward and backward, take
 * bfloat16 inputs and give float32 again; variables, reductions, normalization, softmax, losses and updates stay
 * float32. Each value is cast once, however many products read it, and a product that is read by another one goes there
 * without a detour (float32 holds every bfloat16 exactly).
 *
 * bfloat16 has float32's range, so no loss scaling is needed, and 8 bits of mantissa: one product's inputs and result
 * are each off by up to 2⁻⁹ relative (Kalamkar et al., 2019, "A Study of BFLOAT16 for Deep Learning Training").
 */
export const multiplyInBfloat16: Pass = (graph) => {
  const nodes: GraphNode[] = [];
  /** bfloat16 value of a float32 one, by the latter's text. */
  const narrow = new Map<string, Ref>();
  /** float32 value that stands for a product's output. */
  const widened = new Map<string, Ref>();
  const shapes = new Map(graph.nodes.map((node) => [node.name, node.shapes]));
  const shapeOf = ({ node, output }: Ref): Shape => shapes.get(node)?.[output];
  const rename = (ref: Ref): Ref => widened.get(refText(ref)) ?? ref;

  /** Named after the first product that reads it, so that it counts to that one's layer. */
  const toBfloat16 = (ref: Ref, reader: string): Ref => {
    const known = narrow.get(refText(ref));
    if (known !== undefined) return known;
    const name = `${reader}_bfloat16_${narrow.size}`;
    nodes.push(castNode(name, ref, dtypes.float32, dtypes.bfloat16, shapeOf(ref)));
    const made = { node: name, output: 0 };
    narrow.set(refText(ref), made);
    return made;
  };

  for (const node of graph.nodes) {
    const inputs = node.inputs.map(rename);
    const positions = isFloat32(node.attrs.T) ? multiplied[node.op] : undefined;
    if (positions === undefined) {
      nodes.push({ ...node, inputs });
      continue;
    }
    const cast = inputs.map((ref, position) => (positions.includes(position) ? toBfloat16(ref, node.name) : ref));
    const narrowed = { ...node.attrs, T: typeAttr(dtypes.bfloat16) };
    nodes.push({ ...node, inputs: cast, attrs: narrowed, dtypes: [dtypes.bfloat16] });
    const product = { node: node.name, output: 0 };
    const wide = { node: `${node.name}_float32`, output: 0 };
    nodes.push(castNode(wide.node, product, dtypes.bfloat16, dtypes.float32, node.shapes?.[0]));
    widened.set(refText(product), wide);
    narrow.set(refText(wide), product);
  }
  return { nodes, outputs: graph.outputs.map(rename) };
};

function isFloat32(attr: Attr | undefined): boolean {
  return attr?.kind === 'type' && attr.value === dtypes.float32;
}

type Shape = readonly number[] | undefined;

function castNode(name: string, input: Ref, from: number, to: number, shape: Shape): GraphNode {
  const attrs = { SrcT: typeAttr(from), DstT: typeAttr(to), Truncate: { kind: 'bool', value: false } } as const;
  const outputs = { dtypes: [to], ...(shape === undefined ? {} : { shapes: [shape] }) };
  return { name, op: 'Cast', inputs: [input], control: [], attrs, ...outputs };
}
