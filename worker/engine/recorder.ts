import { LockstepError } from '../../shared/core/index.ts';
import { type Attr, type ConstValue, dtypes, type GraphBuilder, type Ref, typeAttr } from '../graph/index.ts';
import type { NativeBackend, NativeBinding, OpAttr, TensorLike, TensorMetadata } from './native-backend.ts';
import { placeText } from './own-scope.ts';

/** A tensor that exists before the recording and becomes a named value of the graph: an input or a variable. */
export interface Feed {
  readonly tensor: TensorLike;
  readonly ref: Ref;
}

export interface Recording<T> {
  readonly result: T;
  /** The graph's value for a tensor that the recorded function made or was fed. */
  refOf(tensor: TensorLike): Ref;
}

/**
 * Runs `fn` eagerly and writes every TensorFlow op that it executes into `builder`. Tensors that are neither fed nor
 * made by a recorded op become constants of the graph.
 * @throws LockstepError engine/impure when `fn` reads a tensor's values in JavaScript
 */
export function record<T>(
  backend: NativeBackend,
  builder: GraphBuilder,
  feeds: readonly Feed[],
  fn: () => T,
): Recording<T> {
  const recorder = new OpRecorder(backend, builder, feeds);
  return recorder.run(fn);
}

class OpRecorder {
  readonly #backend: NativeBackend;
  readonly #binding: NativeBinding;
  readonly #builder: GraphBuilder;
  readonly #refs = new Map<number, Ref>();
  readonly #dtypes = new Map<number, number>();
  /** Values that JavaScript uploaded; they enter the graph when an op reads them. */
  readonly #uploads = new Map<number, ConstValue>();

  constructor(backend: NativeBackend, builder: GraphBuilder, feeds: readonly Feed[]) {
    this.#backend = backend;
    this.#binding = backend.binding;
    this.#builder = builder;
    for (const { tensor, ref } of feeds) {
      const id = this.#idOf(tensor);
      this.#refs.set(id, ref);
      this.#dtypes.set(id, dtypeNumber(tensor.dtype));
    }
  }

  run<T>(fn: () => T): Recording<T> {
    const { readSync, read, getInputTensorIds } = this.#backend;
    let refusal: LockstepError | undefined;
    this.#backend.binding = this.#recordingBinding();
    this.#backend.readSync = () => {
      refusal ??= this.#readsValues();
      throw refusal;
    };
    // Never settles: a rejection that nobody awaits would end the process before the refusal is told.
    this.#backend.read = () => {
      refusal ??= this.#readsValues();
      return new Promise(() => {});
    };
    this.#backend.getInputTensorIds = (tensors) => {
      const ids = getInputTensorIds.call(this.#backend, tensors);
      for (const [index, id] of ids.entries()) this.#adopt(id, tensors[index]);
      return ids;
    };
    try {
      const result = fn();
      // Not thrown to where anybody could catch it.
      if (refusal !== undefined) throw refusal;
      return { result, refOf: (tensor) => this.#refOf(tensor) };
    } catch (error) {
      // What fails after an asynchronous read fails for want of its value.
      throw refusal ?? error;
    } finally {
      this.#backend.binding = this.#binding;
      this.#backend.readSync = readSync;
      this.#backend.read = read;
      this.#backend.getInputTensorIds = getInputTensorIds;
    }
  }

  #readsValues(): LockstepError {
    const layer = this.#builder.scopes.join('/');
    const last = this.#builder.nodes.at(-1)?.op;
    const reader = layer === '' ? 'the step' : placeText(layer);
    const place = last === undefined ? '' : `, after op ${last}`;
    return new LockstepError(
      'engine/impure',
      `${reader} reads a tensor’s values in JavaScript (dataSync, data, arraySync, print or a branch on them)${place}, ` +
        'which a compiled step cannot follow; compute with tf ops instead (tf.where for a branch), or train with --eager ' +
        '(compile: false in the job)',
      { details: { op: last, layer } },
    );
  }

  /** A tensor from before the recording that nobody fed: its present values become a constant. */
  #adopt(id: number, tensor: TensorLike | undefined): void {
    if (tensor === undefined || this.#refs.has(id) || this.#uploads.has(id) || tensor.dataId === undefined) return;
    const values = this.#binding.tensorDataSync(id);
    const dtype = dtypeNumber(tensor.dtype);
    this.#uploads.set(id, { dtype, shape: [...tensor.shape], bytes: bytesOf(values, dtype) });
  }

  #recordingBinding(): NativeBinding {
    const native = this.#binding;
    const copy: Record<string, unknown> = {};
    // The addon's properties are read-only on the native object, so the recording one is a copy.
    for (const key of Object.getOwnPropertyNames(native)) {
      const value: unknown = native[key as keyof NativeBinding];
      copy[key] = typeof value === 'function' ? value.bind(native) : value;
    }
    copy.createTensor = (shape: readonly number[], dtype: number, values: ArrayLike<number>): number => {
      const id = native.createTensor(shape, dtype, values);
      this.#uploads.set(id, { dtype, shape: [...shape], bytes: bytesOf(values, dtype) });
      return id;
    };
    copy.executeOp = (
      op: string,
      attrs: readonly OpAttr[],
      inputs: readonly number[],
      outputs: number,
    ): TensorMetadata[] => {
      const made = native.executeOp(op, attrs, inputs, outputs);
      this.#write(op, attrs, inputs, made);
      return made;
    };
    return copy as unknown as NativeBinding;
  }

  #write(op: string, attrs: readonly OpAttr[], inputs: readonly number[], made: readonly TensorMetadata[]): void {
    const refs = inputs.map((id) => this.#refOfId(id, op));
    const encoded = Object.fromEntries(attrs.map((attr) => [attr.name, this.#attr(op, attr)]));
    // Eager execution infers a missing T from the inputs; a GraphDef must spell it out.
    const first = inputs[0];
    if (encoded.T === undefined && first !== undefined && opsThatOmitT.has(op)) {
      encoded.T = typeAttr(this.#dtypes.get(first) ?? dtypes.float32);
    }
    const ref = this.#builder.add(op, refs, encoded, {
      dtypes: made.map(({ dtype }) => dtype),
      shapes: made.map(({ shape }) => [...shape]),
    });
    for (const [output, { id, dtype }] of made.entries()) {
      this.#refs.set(id, { node: ref.node, output });
      this.#dtypes.set(id, dtype);
    }
  }

  #refOfId(id: number, op: string): Ref {
    const known = this.#refs.get(id);
    if (known !== undefined) return known;
    const upload = this.#uploads.get(id);
    if (upload === undefined) throw new Error(`invariant broken: ${op} reads tensor ${id} of unknown origin`);
    const ref = this.#builder.constant(upload);
    this.#refs.set(id, ref);
    this.#dtypes.set(id, upload.dtype);
    return ref;
  }

  #refOf(tensor: TensorLike): Ref {
    const id = this.#idOf(tensor);
    this.#adopt(id, tensor);
    return this.#refOfId(id, 'an output');
  }

  #idOf(tensor: TensorLike): number {
    const [id] = this.#backend.getInputTensorIds([tensor]);
    if (id === undefined) throw new Error('invariant broken: a tensor has no handle');
    return id;
  }

  #attr(op: string, { name, type, value }: OpAttr): Attr {
    const { TF_ATTR_TYPE, TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_BOOL, TF_ATTR_STRING, TF_ATTR_SHAPE } = this.#binding;
    const list = Array.isArray(value);
    switch (type) {
      case TF_ATTR_TYPE:
        return list ? { kind: 'types', value } : { kind: 'type', value: Number(value) };
      case TF_ATTR_INT:
        return list ? { kind: 'ints', value } : { kind: 'int', value: Number(value) };
      case TF_ATTR_FLOAT:
        return list ? { kind: 'floats', value } : { kind: 'float', value: Number(value) };
      case TF_ATTR_BOOL:
        return list ? { kind: 'bools', value: value.map(Boolean) } : { kind: 'bool', value: Boolean(value) };
      case TF_ATTR_STRING:
        return { kind: 'string', value: String(value) };
      case TF_ATTR_SHAPE:
        return { kind: 'shape', value: value as number[] };
      default:
        throw new LockstepError(
          'engine/unsupported',
          `attribute ${name} of op ${op} has a kind that a graph cannot hold`,
        );
    }
  }
}

/** Kernels of tfjs-node that leave T to eager execution (of those with a T at all). */
const opsThatOmitT = new Set(['ExpandDims']);

export function dtypeNumber(dtype: string): number {
  const number = (dtypes as Readonly<Record<string, number>>)[dtype];
  if (number === undefined)
    throw new LockstepError('engine/unsupported', `tensors of type ${dtype} cannot be compiled`);
  return number;
}

function bytesOf(values: ArrayLike<number>, dtype: number): Uint8Array {
  switch (dtype) {
    case dtypes.float32:
      return new Uint8Array(Float32Array.from(values).buffer);
    case dtypes.int32:
      return new Uint8Array(Int32Array.from(values).buffer);
    case dtypes.bool:
      return Uint8Array.from(values);
    case dtypes.int64:
      // tfjs-node passes an int64 scalar as two int32 words, low one first.
      return new Uint8Array(Int32Array.from(values).buffer);
    default:
      throw new LockstepError('engine/unsupported', `a constant of TensorFlow type ${dtype} cannot be compiled`);
  }
}
