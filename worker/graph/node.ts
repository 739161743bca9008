/** TensorFlow's data type numbers (`tensorflow/core/framework/types.proto`) that Lockstep meets. */
export const dtypes = {
  float32: 1,
  float64: 2,
  int32: 3,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  resource: 20,
} as const;

/** An attribute of an op, as TensorFlow's AttrValue has it. */
export type Attr =
  | { readonly kind: 'type'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'shape'; readonly value: readonly number[] }
  | { readonly kind: 'unknown-shape' }
  | { readonly kind: 'shapes'; readonly value: readonly (readonly number[] | 'unknown')[] }
  | { readonly kind: 'types'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'bools'; readonly value: readonly boolean[] }
  | { readonly kind: 'tensor'; readonly value: ConstValue };

/** A constant's contents: little-endian, row-major. */
export interface ConstValue {
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** One output of a node. */
export interface Ref {
  readonly node: string;
  readonly output: number;
}

/** One op of a graph. A graph is a list of nodes in which each comes after its inputs. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Ref[];
  /** Nodes that must have run before this one, though it takes no value from them. */
  readonly control: readonly string[];
  readonly attrs: Readonly<Record<string, Attr>>;
  /** Types of the outputs, where known; float32 otherwise. */
  readonly dtypes?: readonly number[];
  /** Shapes of the outputs, where known. */
  readonly shapes?: readonly (readonly number[])[];
}

/** Ops that may not be merged with an equal one or dropped for having no reader. */
const statefulOps = new Set(['Placeholder', 'VarHandleOp', 'ReadVariableOp', 'DeepCopy', 'NoOp']);

export function isStateful(op: string): boolean {
  return statefulOps.has(op) || /^(Assign|Resource|Random)/.test(op);
}

export function refText(ref: Ref): string {
  return `${ref.node}:${ref.output}`;
}

/** What `refText` wrote. */
export function parseRef(text: string): Ref {
  const colon = text.lastIndexOf(':');
  return { node: text.slice(0, colon), output: Number(text.slice(colon + 1)) };
}

/** A node's inputs as a GraphDef has them: `node` for its first output, `node:1` for others, `^node` for control. */
export function inputTexts({ inputs, control }: GraphNode): string[] {
  const values = inputs.map((ref) => (ref.output === 0 ? ref.node : refText(ref)));
  return [...values, ...control.map((name) => `^${name}`)];
}
