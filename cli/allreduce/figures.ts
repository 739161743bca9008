import type { Turn } from './group.ts';

/** What was measured of one contestant at one size. */
export interface Figures {
  /** Median over all timed iterations. */
  readonly seconds: number;
  /** nccl-tests' bus bandwidth, in GB/s (10⁹). */
  readonly busGigabytesPerSecond: number;
  /** Processor seconds of one process for each GB (10⁹ bytes) that it had reduced. */
  readonly cpuSecondsPerGigabyte: number;
  readonly iterations: number;
}

/**
 * 2·(W−1)/W · bytes ÷ time: what each process must send, and receive, at least, whatever the algorithm. The same
 * definition as nccl-tests has (doc/PERFORMANCE.md there), so that figures for different W can be compared.
 */
export function busBandwidth(workers: number, bytes: number, seconds: number): number {
  return (((2 * (workers - 1)) / workers) * bytes) / seconds / 1e9;
}

export function summarize(turns: readonly Turn[], workers: number, bytes: number): Figures {
  const all = turns.flatMap((turn) => turn.seconds);
  const seconds = median(all);
  const cpuSeconds = turns.reduce((sum, turn) => sum + turn.cpuSeconds, 0);
  return {
    seconds,
    busGigabytesPerSecond: busBandwidth(workers, bytes, seconds),
    cpuSecondsPerGigabyte: cpuSeconds / workers / ((all.length * bytes) / 1e9),
    iterations: all.length,
  };
}

/**
 * How many times as fast `own` is as `other`: the median over the rounds of the two turns' medians. Both turns of a
 * round meet the same state of the machine, so this says more than the ratio of two medians over all rounds.
 */
export function speedRatio(own: readonly Turn[], other: readonly Turn[]): number {
  return median(own.map((turn, round) => median(other[round]?.seconds ?? []) / median(turn.seconds)));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Enough iterations for about 200 MB a turn: at least 3, at most 50. */
export function iterationsOf(bytes: number): number {
  return Math.max(3, Math.min(50, Math.round(2e8 / bytes)));
}
