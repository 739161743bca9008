import { tensorflow } from '../../proto/generated/tensorflow.js';
import { assertNever } from '../../shared/core/index.ts';
import { type Attr, type GraphNode, inputTexts, refText } from './node.ts';
import { graphText } from './text-format.ts';

/** GraphDef version of the ops that we write; TensorFlow 2.21 reads all producers back to 21. */
const PRODUCER_VERSION = 1882;

/** A named input or output of a served model; the first output of `node`, with -1 for sizes that are free. */
export interface ServedTensor {
  readonly name: string;
  readonly node: string;
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** What TensorFlow calls `serving_default`. */
export interface Signature {
  readonly inputs: readonly ServedTensor[];
  readonly outputs: readonly ServedTensor[];
}

/** The bytes of a `saved_model.pb` with one meta graph, tagged `serve`, that holds `nodes`. */
export function encodeSavedModel(nodes: readonly GraphNode[], signature?: Signature): Uint8Array {
  return tensorflow.SavedModel.encode({
    savedModelSchemaVersion: 1,
    metaGraphs: [
      {
        metaInfoDef: { tags: ['serve'] },
        graphDef: graphDef(nodes),
        signatureDef: signature === undefined ? {} : { serving_default: encodeSignature(signature) },
      },
    ],
  }).finish();
}

/**
 * A GraphDef for people: TensorFlow reads it in binary, and TensorBoard's graph page as text. Shapes are written where
 * TensorFlow itself leaves them, so that TensorBoard shows them at the edges.
 */
export function encodeGraphDef(nodes: readonly GraphNode[], format: 'binary' | 'text'): Uint8Array {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs.map(refText)));
  const shown = nodes.map((node) => withOutputShapes(node, read));
  return format === 'text'
    ? Buffer.from(graphText(shown, PRODUCER_VERSION))
    : tensorflow.GraphDef.encode(graphDef(shown)).finish();
}

function encodeSignature({ inputs, outputs }: Signature): tensorflow.ISignatureDef {
  return { inputs: encodeServed(inputs), outputs: encodeServed(outputs), methodName: 'tensorflow/serving/predict' };
}

function encodeServed(tensors: readonly ServedTensor[]): Record<string, tensorflow.ITensorInfo> {
  const infos = tensors.map(({ name, node, dtype, shape }) => {
    return [name, { name: `${node}:0`, dtype, tensorShape: encodeShape(shape) }] as const;
  });
  return Object.fromEntries(infos);
}

/**
 * Only outputs that are read get their shape: for one that nobody needs, kernels may give another shape than TensorFlow
 * infers (FusedBatchNormGradV3's last two), and an import refuses what it can't confirm.
 */
function withOutputShapes(node: GraphNode, read: ReadonlySet<string>): GraphNode {
  if (node.shapes === undefined) return node;
  const value = node.shapes.map((shape, output) =>
    read.has(refText({ node: node.name, output })) ? shape : 'unknown',
  );
  return { ...node, attrs: { ...node.attrs, _output_shapes: { kind: 'shapes', value } } };
}

function graphDef(nodes: readonly GraphNode[]): tensorflow.IGraphDef {
  return { node: nodes.map(encodeNode), versions: { producer: PRODUCER_VERSION } };
}

function encodeNode(node: GraphNode): tensorflow.INodeDef {
  return {
    name: node.name,
    op: node.op,
    input: inputTexts(node),
    attr: Object.fromEntries(Object.entries(node.attrs).map(([name, attr]) => [name, encodeAttr(attr)])),
  };
}

function encodeAttr(attr: Attr): tensorflow.IAttrValue {
  switch (attr.kind) {
    case 'type':
      return { type: attr.value };
    case 'int':
      return { i: attr.value };
    case 'float':
      return { f: attr.value };
    case 'bool':
      return { b: attr.value };
    case 'string':
      return { s: Buffer.from(attr.value) };
    case 'shape':
      return { shape: encodeShape(attr.value) };
    case 'unknown-shape':
      return { shape: unknownShape };
    case 'types':
      return { list: { type: [...attr.value] } };
    case 'ints':
      return { list: { i: [...attr.value] } };
    case 'floats':
      return { list: { f: [...attr.value] } };
    case 'bools':
      return { list: { b: [...attr.value] } };
    case 'shapes':
      return { list: { shape: attr.value.map((shape) => (shape === 'unknown' ? unknownShape : encodeShape(shape))) } };
    case 'tensor': {
      const { dtype, shape, bytes } = attr.value;
      return { tensor: { dtype, tensorShape: encodeShape(shape), tensorContent: bytes } };
    }
    default:
      return assertNever(attr);
  }
}

const unknownShape: tensorflow.ITensorShapeProto = { unknownRank: true };

function encodeShape(shape: readonly number[]): tensorflow.ITensorShapeProto {
  return { dim: shape.map((size) => ({ size })) };
}
