/** What Lockstep calls of tfjs-node's TensorFlow backend and of its addon; both are untyped or private there. */
export interface NativeBackend {
  binding: NativeBinding;
  readonly isUsingGpuDevice: boolean;
  readSync: (dataId: object) => unknown;
  read: (dataId: object) => Promise<unknown>;
  /** Uploads what is not on the device yet, and gives the native handles. */
  getInputTensorIds: (tensors: readonly TensorLike[]) => number[];
  /** A tensor that owns the handle. */
  createOutputTensor: (made: TensorMetadata) => TensorLike;
  executeSingleOutput: (op: string, attrs: readonly OpAttr[], inputs: readonly TensorLike[]) => TensorLike;
  executeMultipleOutputs: (
    op: string,
    attrs: readonly OpAttr[],
    inputs: readonly TensorLike[],
    outputs: number,
  ) => TensorLike[];
}

export interface TensorLike {
  readonly dataId?: object;
  readonly shape: readonly number[];
  readonly dtype: string;
}

export interface OpAttr {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

export interface TensorMetadata {
  readonly id: number;
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** The addon. Handles (`id`) are ours to delete. */
export interface NativeBinding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_Version: string;
  createTensor(shape: readonly number[], dtype: number, values: ArrayLike<number>): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array;
  executeOp(op: string, attrs: readonly OpAttr[], inputs: readonly number[], outputs: number): TensorMetadata[];
  /** Loads a SavedModel's graph of `tags` (each followed by a comma) in a new session. */
  loadSavedModel(directory: string, tags: string): number;
  deleteSavedModel(session: number): void;
  /** Names are joined by commas, each `node:output`. */
  runSavedModel(session: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorMetadata[];
}
