import { assertNever } from '../../shared/core/index.ts';
import { type Attr, type ConstValue, dtypes, type GraphNode, inputTexts } from './node.ts';

/**
 * A GraphDef in protobuf's text format (`.pbtxt`), which TensorBoard's graph page takes as an upload.
 * Follows https://protobuf.dev/reference/protobuf/textformat-spec/.
 */
export function graphText(nodes: readonly GraphNode[], producer: number): string {
  return [...nodes.map(nodeText), block('versions', [`producer: ${producer}`])].join('\n').concat('\n');
}

function nodeText(node: GraphNode): string {
  return block('node', [
    `name: ${quoted(node.name)}`,
    `op: ${quoted(node.op)}`,
    ...inputTexts(node).map((input) => `input: ${quoted(input)}`),
    ...Object.entries(node.attrs).map(([key, attr]) =>
      block('attr', [`key: ${quoted(key)}`, block('value', attrLines(attr))]),
    ),
  ]);
}

function attrLines(attr: Attr): string[] {
  switch (attr.kind) {
    case 'type':
      return [`type: ${typeName(attr.value)}`];
    case 'int':
      return [`i: ${attr.value}`];
    case 'float':
      return [`f: ${numberText(attr.value)}`];
    case 'bool':
      return [`b: ${attr.value}`];
    case 'string':
      return [`s: ${quoted(attr.value)}`];
    case 'shape':
      return [shapeBlock('shape', attr.value)];
    case 'unknown-shape':
      return [unknownShape];
    case 'types':
      return [list(attr.value.map((value) => `type: ${typeName(value)}`))];
    case 'ints':
      return [list(attr.value.map((value) => `i: ${value}`))];
    case 'floats':
      return [list(attr.value.map((value) => `f: ${numberText(value)}`))];
    case 'bools':
      return [list(attr.value.map((value) => `b: ${value}`))];
    case 'shapes':
      return [list(attr.value.map((shape) => (shape === 'unknown' ? unknownShape : shapeBlock('shape', shape))))];
    case 'tensor':
      return [tensorBlock(attr.value)];
    default:
      return assertNever(attr);
  }
}

function tensorBlock({ dtype, shape, bytes }: ConstValue): string {
  const content = `tensor_content: "${escapedBytes(bytes)}"`;
  return block('tensor', [`dtype: ${typeName(dtype)}`, shapeBlock('tensor_shape', shape), content]);
}

function shapeBlock(name: string, shape: readonly number[]): string {
  return block(
    name,
    shape.map((size) => block('dim', [`size: ${size}`])),
  );
}

const unknownShape = block('shape', ['unknown_rank: true']);

function list(lines: readonly string[]): string {
  return block('list', lines);
}

function block(name: string, lines: readonly string[]): string {
  const inner = lines.join('\n').replaceAll(/^/gm, '  ');
  return lines.length === 0 ? `${name} {\n}` : `${name} {\n${inner}\n}`;
}

function typeName(value: number): string {
  const name = Object.entries(dtypes).find(([, number]) => number === value)?.[0];
  return name === undefined ? String(value) : (specialTypeNames[name] ?? `DT_${name.toUpperCase()}`);
}

const specialTypeNames: Readonly<Record<string, string>> = { float32: 'DT_FLOAT', float64: 'DT_DOUBLE' };

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

function quoted(text: string): string {
  return `"${escapedBytes(Buffer.from(text))}"`;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Printable ASCII as it is, anything else in octal. */
function escapedBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH;
    text += isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return text;
}
