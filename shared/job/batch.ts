/** Values of one tensor, row-major, [rows, ...shape]. */
export type BatchValues = Float32Array | Int32Array;

/** One replica's batch in one step, as the data loader hands it to the engine. */
export interface Batch {
  /** Rows in every tensor, padding included. */
  readonly rows: number;
  /** Rows that are samples; rows from here on are padding (zeros with weight 0). */
  readonly realRows: number;
  /** One entry per model input. */
  readonly inputs: readonly BatchValues[];
  /** One entry per model output. */
  readonly targets: readonly BatchValues[];
  /** [rows], 1 for a sample or its weight in the loss, and 0 for padding. */
  readonly weights: Float32Array;
  /**
   * Shapes of this batch's samples, one per input and per target, where the model leaves dimensions open and they are
   * not those that the data set declares. All samples of a batch have the same.
   */
  readonly shapes?: {
    readonly inputs: readonly (readonly number[])[];
    readonly targets: readonly (readonly number[])[];
  };
}
