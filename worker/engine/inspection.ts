import type { GraphNode, MemoryEstimate } from '../graph/index.ts';

/** A look into what a compiled trainer runs, for `lockstep profile` and `lockstep doctor`. */
export interface Inspection {
  /** Everything that the trainer can run, as TensorFlow gets it. */
  readonly nodes: readonly GraphNode[];
  /**
   * Times each op of the graph that `call` runs, a call of `forwardBackward` or `apply`. The optimizer starts afresh.
   * @param passes runs to take the times from, on top of some to warm up
   */
  timeOps(call: () => void, passes: number): OpTimes;
  /** Bytes of the weights, and of what the optimizer keeps beside them. */
  readonly weightBytes: number;
  readonly slotBytes: number;
  /** What the values of the graph that `call` runs take in memory. */
  estimateMemory(call: () => void): MemoryEstimate;
}

/** All times are means of the middle half of the passes. */
export interface OpTimes {
  /** In the order in which they ran. */
  readonly ops: readonly OpTime[];
  /** One run as training makes it, with feeding and reading the results; in turns with the timed runs. */
  readonly wholeMilliseconds: number;
  /** One run with the clock between the ops. */
  readonly timedMilliseconds: number;
  /** What reading the clock takes, already taken off each op's time. */
  readonly readingMilliseconds: number;
}

export interface OpTime {
  readonly name: string;
  readonly op: string;
  /** Undefined outside of layers: loss, metrics, packing, update. */
  readonly layer: string | undefined;
  readonly isGradient: boolean;
  readonly milliseconds: number;
  /** After the beginning of the run, clock readings included. */
  readonly startMilliseconds: number;
}
