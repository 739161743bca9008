import { GraphBuilder } from './builder.ts';
import { type Attr, type ConstValue, dtypes, type GraphNode, type Ref, refText } from './node.ts';

/** One recording of a function, on a batch of `rows` rows. */
export interface Trace {
  readonly rows: number;
  readonly nodes: readonly GraphNode[];
}

/** A difference between recordings that no batch size explains. `node` carries its layer's name. */
export class FixedBatch extends Error {
  override readonly name = 'FixedBatch';
  readonly node: string;

  constructor(node: string, reason: string) {
    super(reason);
    this.node = node;
  }
}

/** A whole number that is `fixed + perRow · rows` for every batch. */
interface Affine {
  readonly fixed: number;
  readonly perRow: number;
}

/**
 * One graph for every batch size, from recordings of the same function on at least three. Whatever differs between
 * them must follow from the number of rows: whole numbers in constants (shapes to reshape to, sizes to slice) as
 * fixed + perRow · rows, which two recordings give and the third confirms, and constants with rows of their own (an
 * initial state of zeros) as one row repeated. `rows` is the graph's own number of rows, an int32 scalar.
 * @throws FixedBatch for anything else
 */
export function freeBatch(traces: readonly Trace[], rows: Ref): GraphNode[] {
  const [first, ...others] = traces;
  if (first === undefined || others.length < 2) throw new Error('invariant broken: fewer than three recordings');
  const builder = new GraphBuilder('free_batch');
  for (const [index, node] of first.nodes.entries()) {
    const same = [node, ...others.map(({ nodes }) => nodes[index])];
    const nodes = same.filter((item) => item !== undefined);
    const isLast = index === first.nodes.length - 1;
    const lengths = isLast ? others.map(({ nodes: all }) => all.length) : [];
    if (nodes.length < same.length || lengths.some((length) => length !== first.nodes.length)) {
      throw new FixedBatch(node.name, 'takes another number of ops');
    }
    builder.append(
      merge(
        builder,
        traces.map((trace) => trace.rows),
        nodes,
        rows,
      ),
    );
  }
  return builder.nodes;
}

function merge(builder: GraphBuilder, rows: readonly number[], nodes: readonly GraphNode[], batch: Ref): GraphNode[] {
  const [node] = nodes as [GraphNode];
  if (new Set(nodes.map(wiring)).size > 1) throw new FixedBatch(node.name, 'takes other ops');
  const differing = Object.keys(node.attrs).find(
    (name) => new Set(nodes.map(({ attrs }) => attrText(attrs[name]))).size > 1,
  );
  if (differing === undefined) return [withoutShapes(node)];
  const values = nodes.map(({ attrs }) => attrs['value']);
  if (node.op !== 'Const' || values.some((value) => value?.kind !== 'tensor')) {
    throw new FixedBatch(node.name, `has another ${differing} in its op ${node.op}`);
  }
  const tensors = values.map((value) => (value as Extract<Attr, { kind: 'tensor' }>).value);
  return [freeConstant(builder, node, rows, tensors, batch)];
}

/** The node that stands for a constant; what it needs goes into the builder before it. */
function freeConstant(
  builder: GraphBuilder,
  node: GraphNode,
  rows: readonly number[],
  tensors: readonly ConstValue[],
  batch: Ref,
): GraphNode {
  const [tensor] = tensors as [ConstValue];
  const int32 = { T: { kind: 'type', value: dtypes.int32 } } as const;
  /** fixed + perRow · rows, element by element; the last op takes the constant's name if it is to be its value. */
  const grow = (shape: readonly number[], sizes: readonly Affine[], name?: string): Ref => {
    const constant = (values: readonly number[]): Ref =>
      builder.constant({ dtype: dtypes.int32, shape, bytes: new Uint8Array(Int32Array.from(values).buffer) });
    const grown = builder.add('Mul', [constant(sizes.map(({ perRow }) => perRow)), batch], int32);
    const inputs = [constant(sizes.map(({ fixed }) => fixed)), grown];
    return builder.add('AddV2', inputs, int32, name === undefined ? {} : { name });
  };
  const take = (): GraphNode => builder.nodes.pop() as GraphNode;
  const sameShape = new Set(tensors.map(({ shape }) => String(shape))).size === 1;
  if (sameShape && tensor.dtype === dtypes.int32) {
    const contents = tensors.map(({ bytes }) => [...new Int32Array(bytes.slice().buffer)]);
    grow(tensor.shape, affine(node.name, rows, contents), node.name);
    return take();
  }
  if (sameShape) throw new FixedBatch(node.name, 'holds other values');
  const sizes = affine(
    node.name,
    rows,
    tensors.map(({ shape }) => [...shape]),
  );
  const [row] = tensors.map((item) => oneRow(node.name, item, sizes)) as [ConstValue];
  const inputs = [builder.constant(row), grow([sizes.length], sizes)];
  const attrs = { T: { kind: 'type', value: tensor.dtype }, Tidx: { kind: 'type', value: dtypes.int32 } } as const;
  builder.add('BroadcastTo', inputs, attrs, { name: node.name });
  return take();
}

/** Numbers that recordings on other batches have in the same places. */
function affine(node: string, rows: readonly number[], contents: readonly (readonly number[])[]): Affine[] {
  const [first = [], second = []] = contents;
  const [one = 0, two = 0] = rows;
  if (contents.some(({ length }) => length !== first.length)) throw new FixedBatch(node, 'has another number of axes');
  return first.map((value, index) => {
    const perRow = ((second[index] ?? 0) - value) / (two - one);
    const fixed = value - perRow * one;
    const holds = contents.every((content, trace) => content[index] === fixed + perRow * (rows[trace] ?? 0));
    if (!holds || !Number.isInteger(perRow)) throw new FixedBatch(node, 'does not grow evenly with the batch');
    return { fixed, perRow };
  });
}

/** The constant with its growing axes cut to one, along which all its values must be equal. */
function oneRow(node: string, { dtype, shape, bytes }: ConstValue, sizes: readonly Affine[]): ConstValue {
  const width =
    bytes.length /
    Math.max(
      1,
      shape.reduce((product, size) => product * size, 1),
    );
  const cut = shape.map((size, axis) => (sizes[axis]?.perRow === 0 ? size : 1));
  const strides = stridesOf(cut).map((stride, axis) => (sizes[axis]?.perRow === 0 ? stride : 0));
  const row = new Uint8Array(cut.reduce((product, size) => product * size, width));
  const index = new Array<number>(shape.length).fill(0);
  for (let at = 0; at < bytes.length; at += width) {
    const to = width * index.reduce((sum, value, axis) => sum + value * (strides[axis] ?? 0), 0);
    const value = bytes.subarray(at, at + width);
    if (index.every((position, axis) => position === 0 || sizes[axis]?.perRow === 0)) row.set(value, to);
    else if (value.some((byte, offset) => byte !== row[to + offset]))
      throw new FixedBatch(node, 'holds other values per row');
    advance(index, shape);
  }
  return { dtype, shape: cut, bytes: row };
}

function advance(index: number[], shape: readonly number[]): void {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = (index[axis] ?? 0) + 1;
    if ((index[axis] ?? 0) < (shape[axis] ?? 0)) return;
    index[axis] = 0;
  }
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

function wiring({ name, op, inputs, control, attrs }: GraphNode): string {
  return JSON.stringify([name, op, inputs.map(refText), control, Object.keys(attrs)]);
}

function attrText(attr: Attr | undefined): string {
  if (attr?.kind !== 'tensor') return JSON.stringify(attr);
  const { dtype, shape, bytes } = attr.value;
  return `${dtype} ${shape.join('x')} ${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')}`;
}

/** Recorded shapes hold for one batch. */
function withoutShapes({ shapes: _, ...node }: GraphNode): GraphNode {
  return node;
}
