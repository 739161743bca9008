import { tensorflow } from '../../proto/generated/tensorflow.js';
import { assertNever } from '../../shared/core/index.ts';
import { type Attr, type GraphNode, refText } from './node.ts';

/** GraphDef version of the ops that we write; TensorFlow 2.21 reads all producers back to 21. */
const PRODUCER_VERSION = 1882;

/** The bytes of a `saved_model.pb` with one meta graph, tagged `serve`, that holds `nodes`. */
export function encodeSavedModel(nodes: readonly GraphNode[]): Uint8Array {
  return tensorflow.SavedModel.encode({
    savedModelSchemaVersion: 1,
    metaGraphs: [{ metaInfoDef: { tags: ['serve'] }, graphDef: graphDef(nodes) }],
  }).finish();
}

/** The bytes of a GraphDef, which TensorBoard and TensorFlow open. */
export function encodeGraphDef(nodes: readonly GraphNode[]): Uint8Array {
  return tensorflow.GraphDef.encode(graphDef(nodes)).finish();
}

function graphDef(nodes: readonly GraphNode[]): tensorflow.IGraphDef {
  return { node: nodes.map(encodeNode), versions: { producer: PRODUCER_VERSION } };
}

function encodeNode(node: GraphNode): tensorflow.INodeDef {
  return {
    name: node.name,
    op: node.op,
    input: [...node.inputs.map(refText), ...node.control.map((name) => `^${name}`)],
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
      return { shape: { unknownRank: true } };
    case 'types':
      return { list: { type: [...attr.value] } };
    case 'ints':
      return { list: { i: [...attr.value] } };
    case 'floats':
      return { list: { f: [...attr.value] } };
    case 'bools':
      return { list: { b: [...attr.value] } };
    case 'tensor': {
      const { dtype, shape, bytes } = attr.value;
      return { tensor: { dtype, tensorShape: encodeShape(shape), tensorContent: bytes } };
    }
    default:
      return assertNever(attr);
  }
}

function encodeShape(shape: readonly number[]): tensorflow.ITensorShapeProto {
  return { dim: shape.map((size) => ({ size })) };
}
