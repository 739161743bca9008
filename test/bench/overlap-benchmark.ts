import { hostname } from 'node:os';
import { formatTable, type Group, lockstepContestant, median } from '../../cli/allreduce/index.ts';
import {
  createNetwork,
  formatLink,
  type LinkSpeed,
  loopbackNetwork,
  type Network,
  whyNoNamespaces,
} from '../../cli/network/index.ts';
import { terminalInterrupts } from '../../cli/run-locally.ts';
import { probeMachine } from '../../cli/setup/machine.mjs';
import { LockstepError } from '../../shared/core/index.ts';
import { type TimedStep, trainLockstep } from './lockstep-training.ts';
import { OVERLAP_GOAL, type OverlapReport, overlapTable, reportOverlap } from './overlap-report.ts';
import { peerTitles, peerTurn, startPeer, type TrainingPeer } from './training-peers.ts';
import { rowsOf, stepsOf } from './training-workloads.ts';

export interface OverlapOptions {
  readonly link: LinkSpeed;
  readonly rounds: number;
  readonly json: boolean;
}

const WORKERS = 2;
const UNTIMED = 3;
const workload = 'dense';

/** Weights of the dense model, in bytes: 16 layers of 1024 × 1024 and their biases, then 10 classes. */
export const DENSE_BYTES = 4 * (16 * (1024 * 1024 + 1024) + 1024 * 10 + 10);

const note = (line: string): void => console.error(`bench: ${line}`);

/** How much of the communication goes on while the workers compute: Lockstep and PyTorch DDP, in turns, on one link. */
export async function runOverlapBenchmark(options: OverlapOptions): Promise<void> {
  const reason = whyNoNamespaces();
  if (reason !== null) {
    console.log(`skipped: --link cannot be had here: ${reason}`);
    if (options.json) console.log(JSON.stringify({ benchmark: 'overlap', skipped: reason }));
    return;
  }
  const abort = new AbortController();
  const unsubscribe = terminalInterrupts(() => abort.abort());
  const network = await createNetwork({ nodes: WORKERS, link: options.link });
  const closing: { close(): Promise<void> }[] = [];
  try {
    const own = await lockstepContestant({
      bucketBytes: 4 * 2 ** 20,
      sharedMemory: 'off',
      algorithm: 'auto',
      wire: 'float32',
    }).start(network, abort.signal);
    closing.push(own);
    await own.prepare(DENSE_BYTES);
    const peer = await startPeer('pytorch', network, { signal: abort.signal, note }).catch((error: Error) => {
      note(`without ${peerTitles.pytorch}: ${error.message}`);
      return undefined;
    });
    if (peer !== undefined) closing.push(peer);
    await peer?.ask({ kind: 'load', workload, rows: rowsOf[workload] });
    const turns = await takeTurns(network, own, peer, options.rounds);
    const bytes = (DENSE_BYTES * 2 * (WORKERS - 1)) / WORKERS;
    const linkSeconds = (bytes * 8) / options.link.bitsPerSecond;
    const reports = [...turns].map(([name, times]) => reportOverlap(name, times, linkSeconds));
    print(reports, options);
  } catch (error) {
    if (abort.signal.aborted) throw new LockstepError('run/interrupted', 'the benchmark was ended by the user');
    throw error;
  } finally {
    unsubscribe();
    await Promise.all(closing.map((each) => each.close()));
    await network.close();
  }
}

type Times = { step: number[][]; compute: number[][]; communicate: number[][] };

async function takeTurns(
  network: Network,
  own: Group,
  peer: TrainingPeer | undefined,
  rounds: number,
): Promise<Map<string, Times>> {
  const all = new Map<string, Times>();
  const add = (name: string, what: keyof Times, seconds: readonly number[]): void => {
    const times = all.get(name) ?? { step: [], compute: [], communicate: [] };
    times[what].push([...seconds]);
    all.set(name, times);
    note(`${name}: ${what} ${(median(seconds) * 1e3).toFixed(0)} ms`);
  };
  const steps = stepsOf[workload];
  for (let round = 0; round < rounds; round++) {
    const reports = await train(network, steps);
    notePhases(reports);
    add('Lockstep', 'step', periods(reports));
    // Each worker alone, but both at once: they share the machine's memory as in the step.
    const alone = Array.from({ length: WORKERS }, () => train(loopbackNetwork(1, hostname()), steps));
    const [first = []] = await Promise.all(alone);
    add('Lockstep', 'compute', periods(first));
    add('Lockstep', 'communicate', (await own.turn(1, steps)).seconds);
    if (peer === undefined) continue;
    for (const what of ['step', 'compute', 'communicate'] as const) {
      add(peerTitles.pytorch, what, await peerTurn(peer, { workload, untimed: 2, steps, what }));
    }
  }
  return all;
}

async function train(network: Network, steps: number): Promise<TimedStep[]> {
  const run = await trainLockstep({ workload, network, untimed: UNTIMED, steps, interrupts: terminalInterrupts });
  return run.steps;
}

function periods(reports: readonly TimedStep[]): number[] {
  return reports.map(({ periodSeconds }) => periodSeconds);
}

function notePhases(reports: readonly TimedStep[]): void {
  const phases = ['dataSeconds', 'forwardBackwardSeconds', 'reduceSeconds', 'applySeconds'] as const;
  const texts = phases.map((phase) => {
    const milliseconds = median(reports.map((report) => report[phase])) * 1e3;
    return `${phase.replace('Seconds', '')} ${milliseconds.toFixed(0)}`;
  });
  note(`Lockstep: in a step, ms: ${texts.join(', ')}`);
}

function print(reports: readonly OverlapReport[], { link, json, rounds }: OverlapOptions): void {
  const { cpuModel, cpuThreads, nodeVersion } = probeMachine();
  const machine = { cpuModel, cpuThreads, nodeVersion };
  const title =
    `Training ${DENSE_BYTES / 4} weights on ${WORKERS} workers of one thread, ${rowsOf[workload]} samples each, ` +
    `links of ${formatLink(link)}, medians; goal: ${OVERLAP_GOAL * 100} % of what could be hidden, a step no longer ` +
    `than DDP’s. ${cpuModel}, ${cpuThreads} threads, Node.js ${nodeVersion}.`;
  (json ? console.error : console.log)(`${title}\n\n${formatTable(...overlapTable(reports))}`);
  if (!json) return;
  console.log(JSON.stringify({ benchmark: 'overlap', bytes: DENSE_BYTES, link, rounds, machine, reports }));
}
