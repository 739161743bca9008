import type { OpTime, OpTimes } from '../engine/index.ts';
import { median, type StepPhases, withoutWarmUp } from './step-phases.ts';

/** What `lockstep profile --json` prints. Times in milliseconds, memory in bytes. */
export interface ProfileReport {
  readonly job: string;
  readonly engine: string;
  readonly threads: number;
  readonly precision: string;
  readonly batchSize: number;
  /** Steps measured, and how many of them the medians are of. */
  readonly steps: { readonly trained: number; readonly counted: number };
  /** Medians. */
  readonly phases: { readonly data: number; readonly forwardBackward: number; readonly apply: number };
  readonly samplesPerSecond: number;
  readonly graphs: readonly GraphReport[];
  /** How the times of ops were taken, in words. */
  readonly method: string;
  readonly memory: MemoryReport;
  readonly trace: string;
}

export const method =
  'TensorFlow’s own clock is read between all ops inside of the graph (means of the middle half of the passes), and what ' +
  'a reading takes is taken off. Ops run as in training, with the same kernels on the same values, but one after the other ' +
  'and never fused with a neighbour. “whole” is the same run without the clock, with feeding its inputs and reading its ' +
  'results; where the sum is close to it, the shares are those of training.';

export interface GraphReport {
  readonly title: string;
  readonly ops: number;
  /** One run as training makes it; with the clock between the ops; the sum of the ops. */
  readonly whole: number;
  readonly timed: number;
  readonly sum: number;
  readonly reading: number;
  readonly byOp: readonly OpKindReport[];
  readonly byLayer: readonly LayerReport[];
}

export interface OpKindReport {
  readonly op: string;
  readonly count: number;
  readonly milliseconds: number;
}

export interface LayerReport {
  /** Null outside of layers: loss, metrics, packing, update. */
  readonly layer: string | null;
  readonly forward: number;
  readonly backward: number;
}

export interface MemoryReport {
  /** Of the whole process, Node.js and TensorFlow's code included. */
  readonly peakResident: number;
  /** The same before the job was loaded. */
  readonly residentBefore: number;
  /** Estimated from shapes and lifetimes: the most that values of one forward and backward pass hold at a time. */
  readonly values: number;
  /** Of the nodes, how many have no known shape and are missing in that. */
  readonly valuesUnknown: number;
}

export function phaseMedians(phases: readonly StepPhases[]): ProfileReport['phases'] {
  const counted = withoutWarmUp(phases);
  return {
    data: median(counted.map(({ data }) => data)),
    forwardBackward: median(counted.map(({ forwardBackward }) => forwardBackward)),
    apply: median(counted.map(({ apply }) => apply)),
  };
}

export function reportGraph(title: string, times: OpTimes): GraphReport {
  const { ops, wholeMilliseconds, timedMilliseconds, readingMilliseconds } = times;
  return {
    title,
    ops: ops.length,
    whole: wholeMilliseconds,
    timed: timedMilliseconds,
    sum: sumOf(ops),
    reading: readingMilliseconds,
    byOp: byOp(ops),
    byLayer: byLayer(ops),
  };
}

function byOp(ops: readonly OpTime[]): OpKindReport[] {
  return [...groupBy(ops, ({ op }) => op)]
    .map(([op, own]) => ({ op, count: own.length, milliseconds: sumOf(own) }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

/** In the order of the forward pass, what is outside of layers last. */
function byLayer(ops: readonly OpTime[]): LayerReport[] {
  const groups = groupBy(ops, ({ layer }) => layer ?? null);
  const rows = [...groups].map(([layer, own]) => ({
    layer,
    forward: sumOf(own.filter(({ isGradient }) => !isGradient)),
    backward: sumOf(own.filter(({ isGradient }) => isGradient)),
  }));
  return [...rows.filter(({ layer }) => layer !== null), ...rows.filter(({ layer }) => layer === null)];
}

function groupBy<Key>(ops: readonly OpTime[], keyOf: (op: OpTime) => Key): Map<Key, OpTime[]> {
  const groups = new Map<Key, OpTime[]>();
  for (const op of ops) {
    const key = keyOf(op);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [op]);
    else group.push(op);
  }
  return groups;
}

function sumOf(ops: readonly OpTime[]): number {
  return ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}
