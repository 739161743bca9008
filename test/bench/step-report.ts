import type { RunnerName, Workload } from './workloads.ts';

/** Milliseconds of every timed step. */
export type StepTimes = Partial<Readonly<Record<RunnerName, readonly number[]>>>;

export type FirstSteps = Partial<Readonly<Record<RunnerName, number>>>;

/** A library's figures on a workload, in milliseconds a step. */
export interface Figures {
  readonly median: number;
  /** The middle half lies between these. */
  readonly quartiles: readonly [number, number];
  readonly steps: number;
}

export interface WorkloadReport {
  readonly workload: string;
  readonly milliseconds: Partial<Readonly<Record<RunnerName, Figures>>>;
  /** From building the model to the end of its first step. */
  readonly firstStepMilliseconds: FirstSteps;
  /** The faster of Keras and PyTorch, where one of them ran. */
  readonly betterPeer: RunnerName | null;
  /** Lockstep's median over the better peer's. */
  readonly ofBetterPeer: number | null;
  /** Plain tfjs-node's median over Lockstep's. */
  readonly overTfjsNode: number | null;
  readonly goals: Workload['goals'];
  /** Null where nothing could be compared. */
  readonly isMet: boolean | null;
}

export function reportWorkload(
  { name, goals }: Workload,
  times: StepTimes,
  firstStepMilliseconds: FirstSteps = {},
): WorkloadReport {
  const milliseconds: Partial<Record<RunnerName, Figures>> = {};
  for (const [runner, values] of Object.entries(times)) {
    if (values.length > 0) milliseconds[runner as RunnerName] = figures(values);
  }
  const own = milliseconds.lockstep?.median;
  const peers = (['keras', 'pytorch'] as const).filter((peer) => milliseconds[peer] !== undefined);
  const medianOf = (runner: RunnerName): number => milliseconds[runner]?.median ?? Number.POSITIVE_INFINITY;
  const betterPeer = peers.toSorted((a, b) => medianOf(a) - medianOf(b))[0] ?? null;
  const ofBetterPeer = own === undefined || betterPeer === null ? null : own / medianOf(betterPeer);
  const plain = milliseconds['tfjs-node']?.median;
  const overTfjsNode = own === undefined || plain === undefined ? null : plain / own;
  const verdicts = [
    ofBetterPeer === null ? null : ofBetterPeer <= goals.ofBetterPeer,
    overTfjsNode === null || goals.overTfjsNode === null ? null : overTfjsNode >= goals.overTfjsNode,
  ].filter((verdict) => verdict !== null);
  const isMet = verdicts.length === 0 ? null : verdicts.every(Boolean);
  return { workload: name, milliseconds, firstStepMilliseconds, betterPeer, ofBetterPeer, overTfjsNode, goals, isMet };
}

export function figures(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  const quantile = (share: number): number => {
    const position = share * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(position)] ?? Number.NaN, sorted[Math.ceil(position)] ?? Number.NaN];
    return low + (high - low) * (position - Math.floor(position));
  };
  return { median: quantile(0.5), quartiles: [quantile(0.25), quantile(0.75)], steps: sorted.length };
}

/** A Markdown table, aligned. */
export function formatReports(reports: readonly WorkloadReport[], titleOf: (workload: string) => string): string {
  const time = (value: Figures | undefined): string => (value === undefined ? '–' : value.median.toFixed(1));
  const goal = (value: number | null, relation: string): string => (value === null ? '' : ` (${relation} ${value})`);
  const rows = reports.map(({ workload, milliseconds, ofBetterPeer, overTfjsNode, goals, isMet }) => [
    titleOf(workload),
    time(milliseconds.lockstep),
    time(milliseconds['tfjs-node']),
    time(milliseconds.keras),
    time(milliseconds.pytorch),
    ofBetterPeer === null ? '–' : `${ofBetterPeer.toFixed(2)}${goal(goals.ofBetterPeer, '≤')}`,
    overTfjsNode === null ? '–' : `${overTfjsNode.toFixed(1)}${goal(goals.overTfjsNode, '≥')}`,
    isMet === null ? '–' : isMet ? 'yes' : 'no',
  ]);
  const head = ['ms a step', 'Lockstep', 'tfjs-node', 'Keras', 'PyTorch', '÷ better peer', '× tfjs-node', 'goals met'];
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell[column === 0 ? 'padEnd' : 'padStart'](widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? `:${'-'.repeat(width + 1)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** One line of text: what each library took until its first step was done. */
export function formatFirstSteps(reports: readonly WorkloadReport[]): string {
  const parts = reports.map(({ workload, firstStepMilliseconds }) => {
    const times = Object.entries(firstStepMilliseconds).map(
      ([runner, value]) => `${runner} ${(value / 1000).toFixed(2)}`,
    );
    return `${workload} ${times.join(', ')}`;
  });
  return `First step, with building and compiling the model, in s: ${parts.join('; ')}.`;
}
