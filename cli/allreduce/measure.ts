import { hostname } from 'node:os';
import { createNetwork, loopbackNetwork } from '../network/index.ts';
import type { AllreduceOptions } from './arguments.ts';
import { iterationsOf, speedRatio, summarize } from './figures.ts';
import type { Contestant, Group, Turn } from './group.ts';
import { formatBytes, type SizeReport } from './report.ts';

export interface MeasureOptions extends Pick<AllreduceOptions, 'workers' | 'bytes' | 'rounds' | 'link'> {
  /** The first one is what the others are compared with. */
  readonly contestants: readonly [Contestant, ...Contestant[]];
  readonly signal: AbortSignal;
  /** Progress, one line each. */
  note(line: string): void;
}

/** In each round each contestant takes one turn, so that a change in the machine's speed meets all of them. */
export async function measureAllreduce(options: MeasureOptions): Promise<SizeReport[]> {
  const reports: SizeReport[] = [];
  for (const workers of options.workers) {
    const { link } = options;
    const network =
      link === null ? loopbackNetwork(workers, hostname()) : await createNetwork({ nodes: workers, link });
    const groups: Group[] = [];
    try {
      for (const contestant of options.contestants) groups.push(await contestant.start(network, options.signal));
      for (const bytes of options.bytes) reports.push(await measureSize(options, groups, workers, bytes));
    } finally {
      await Promise.all(groups.map((group) => group.close()));
      await network.close();
    }
  }
  return reports;
}

/** Iterations at the beginning of a turn that aren't timed: they bring caches back. */
const UNTIMED = 2;

async function measureSize(
  { contestants, rounds, note }: MeasureOptions,
  groups: readonly Group[],
  workers: number,
  bytes: number,
): Promise<SizeReport> {
  for (const group of groups) await group.prepare(bytes);
  const turns: Turn[][] = groups.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, group] of groups.entries()) turns[index]?.push(await group.turn(UNTIMED, iterationsOf(bytes)));
    note(`${workers} workers, ${formatBytes(bytes)}: round ${round + 1} of ${rounds}`);
  }
  const [own = [], ...rest] = turns;
  const others = rest.map((other, index) => [
    contestants[index + 1]?.name ?? '',
    { ...summarize(other, workers, bytes), ratio: speedRatio(own, other) },
  ]);
  const exchange = groups[0]?.exchange;
  return { workers, bytes, exchange, lockstep: summarize(own, workers, bytes), others: Object.fromEntries(others) };
}
