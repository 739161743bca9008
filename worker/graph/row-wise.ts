import { dtypes, type GraphNode, type Ref, refText } from './node.ts';

/** How an op treats the rows of a batch: each on its own, or as terms of a sum over all of them. */
export interface RowWise {
  readonly rows: number;
  /** Inputs whose first dimension is the rows; what the others hold is for every row alike. */
  readonly batched: readonly number[];
  /** The input, a constant, that names the shape of a batched value: the output's, or the forward pass's input's. */
  readonly sizes?: number;
  /** One result for each row, or the sum over all rows. */
  readonly result: 'rows' | 'sum';
}

/** What is known of values without running the graph. */
export class StaticValues {
  readonly #nodes: ReadonlyMap<string, GraphNode>;

  constructor(nodes: readonly GraphNode[]) {
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
  }

  shapeOf(ref: Ref): readonly number[] | undefined {
    const node = this.#nodes.get(ref.node);
    const declared = node?.op === 'Placeholder' ? node.attrs.shape : undefined;
    if (declared?.kind === 'shape') return declared.value;
    if (node?.op === 'Const' && node.attrs.value?.kind === 'tensor') return node.attrs.value.value.shape;
    if (node?.op !== 'ReadVariableOp') return node?.shapes?.[ref.output];
    const handle = this.#nodes.get(node.inputs[0]?.node ?? '')?.attrs.shape;
    return handle?.kind === 'shape' ? handle.value : undefined;
  }

  /** The values of a constant vector of int32. */
  intsOf(ref: Ref | undefined): readonly number[] | undefined {
    const node = ref === undefined ? undefined : this.#nodes.get(ref.node);
    const value = node?.op === 'Const' ? node.attrs.value : undefined;
    if (value?.kind !== 'tensor' || value.value.dtype !== dtypes.int32) return undefined;
    return [...new Int32Array(value.value.bytes.slice().buffer)];
  }
}

/** Inputs that are batched wherever the op is. */
const batchedInputs: Readonly<Record<string, readonly number[]>> = {
  ...{ Conv2D: [0], DepthwiseConv2dNative: [0], MaxPool: [0], AvgPool: [0], BiasAdd: [0], Reshape: [0] },
  ...{ Relu: [0], Relu6: [0], Elu: [0], LeakyRelu: [0], Sigmoid: [0], Tanh: [0] },
  ...{ ReluGrad: [0, 1], Relu6Grad: [0, 1], SigmoidGrad: [0, 1], TanhGrad: [0, 1], MaxPoolGrad: [0, 1, 2] },
  ...{ AvgPoolGrad: [1], Conv2DBackpropInput: [2], Conv2DBackpropFilter: [0, 2], Sum: [0] },
};

/** The input that names a batched shape. */
const sizeInputs: Readonly<Record<string, number>> = { Reshape: 1, AvgPoolGrad: 0, Conv2DBackpropInput: 0 };

const elementwise = new Set(['Add', 'AddV2', 'Sub', 'Mul']);

/** Undefined where the op mixes rows, or where it cannot be told. */
export function rowWise(node: GraphNode, values: StaticValues): RowWise | undefined {
  const output = node.shapes?.[0];
  if (output === undefined || node.control.length > 0) return undefined;
  const batched = elementwise.has(node.op) ? widestInputs(node, output, values) : batchedInputs[node.op];
  const rows = leading(node, batched?.[0], values);
  if (batched === undefined || rows === undefined) return undefined;
  if (batched.some((position) => leading(node, position, values) !== rows)) return undefined;
  if (node.op === 'Conv2DBackpropFilter') return { rows, batched, result: 'sum' };
  if (node.op === 'Sum') return sumsRows(node, values) ? { rows, batched, result: 'sum' } : undefined;
  if (output[0] !== rows) return undefined;
  const sizes = sizeInputs[node.op];
  if (sizes === undefined) return { rows, batched, result: 'rows' };
  return values.intsOf(node.inputs[sizes])?.[0] === rows ? { rows, batched, sizes, result: 'rows' } : undefined;
}

function leading(node: GraphNode, position: number | undefined, values: StaticValues): number | undefined {
  const ref = position === undefined ? undefined : node.inputs[position];
  return ref === undefined ? undefined : values.shapeOf(ref)?.[0];
}

/** Inputs with the output's rows; the others must be broadcast over them. */
function widestInputs(node: GraphNode, output: readonly number[], values: StaticValues): number[] | undefined {
  const batched: number[] = [];
  for (const [position, ref] of node.inputs.entries()) {
    const shape = values.shapeOf(ref);
    if (shape === undefined) return undefined;
    const isBroadcast = shape.length < output.length || shape[0] === 1;
    if (!isBroadcast) batched.push(position);
  }
  return batched;
}

function sumsRows({ inputs, attrs }: GraphNode, values: StaticValues): boolean {
  const keeps = attrs.keep_dims?.kind === 'bool' && attrs.keep_dims.value;
  return !keeps && (values.intsOf(inputs[1])?.includes(0) ?? false);
}

/** The nodes that read each value. */
export function readersOf(nodes: readonly GraphNode[]): ReadonlyMap<string, readonly GraphNode[]> {
  const readers = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    for (const text of new Set(node.inputs.map(refText))) {
      const known = readers.get(text);
      if (known === undefined) readers.set(text, [node]);
      else known.push(node);
    }
  }
  return readers;
}
