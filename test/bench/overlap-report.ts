import { median } from '../../cli/allreduce/index.ts';

/** Share of the communication that could be hidden that shall be. */
export const OVERLAP_GOAL = 0.7;

/** Seconds of each timed step, by round. */
export interface OverlapTimes {
  /** Whole steps on the link. */
  readonly step: readonly (readonly number[])[];
  /** The same without communication, on all workers at once. */
  readonly compute: readonly (readonly number[])[];
  /** The same bytes and nothing else. */
  readonly communicate: readonly (readonly number[])[];
}

/** Seconds. */
export interface OverlapReport {
  readonly name: string;
  readonly step: number;
  readonly compute: number;
  readonly communicate: number;
  /** No step can be shorter with this computing and this communication, see `lowerBound`. */
  readonly bound: number;
  /** The same if the link were all that communicating takes. */
  readonly linkBound: number;
  /** Of the shorter of computing and communicating, how much went on during the other. */
  readonly hidden: number;
  /** Of what could be hidden: the sum of both less the bound. */
  readonly hiddenOfPossible: number;
}

/**
 * A step is at least its computing. And no gradient is there before the forward pass is over, which is a third of the
 * products (each layer's backward pass has two): what communicating takes comes after that.
 */
export function lowerBound(compute: number, communicate: number): number {
  return Math.max(compute, compute / 3 + communicate);
}

/** @param linkSeconds for 2(W−1)/W of the bytes at the link's rate */
export function reportOverlap(name: string, times: OverlapTimes, linkSeconds: number): OverlapReport {
  const [step, compute, communicate] = [times.step, times.compute, times.communicate].map((rounds) =>
    median(rounds.flat()),
  ) as [number, number, number];
  const bound = lowerBound(compute, communicate);
  const linkBound = lowerBound(compute, linkSeconds);
  const saved = compute + communicate - step;
  return {
    ...{ name, step, compute, communicate, bound, linkBound },
    hidden: saved / Math.min(compute, communicate),
    hiddenOfPossible: saved / (compute + communicate - bound),
  };
}

export function overlapTable(reports: readonly OverlapReport[]): [head: string[], rows: string[][]] {
  const ms = (seconds: number): string => (seconds * 1e3).toFixed(0);
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const head = ['ms', 'step', 'compute', 'communicate', 'least step', '… by the link', 'hidden', 'of what could be'];
  const rows = reports.map(({ name, step, compute, communicate, bound, linkBound, hidden, hiddenOfPossible }) => [
    ...[
      name,
      ms(step),
      ms(compute),
      ms(communicate),
      ms(bound),
      ms(linkBound),
      percent(hidden),
      percent(hiddenOfPossible),
    ],
  ]);
  return [head, rows];
}
