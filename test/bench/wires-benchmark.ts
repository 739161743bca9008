import { formatTable, median } from '../../cli/allreduce/index.ts';
import { createNetwork, formatLink, type LinkSpeed, whyNoNamespaces } from '../../cli/network/index.ts';
import { terminalInterrupts } from '../../cli/run-locally.ts';
import { probeMachine } from '../../cli/setup/machine.mjs';
import { LockstepError, readWire, type Wire, wireExpected } from '../../shared/core/index.ts';
import { trainLockstep } from './lockstep-training.ts';
import { rowsOf, stepsOf, titleOf } from './training-workloads.ts';

export interface WiresOptions {
  readonly link: LinkSpeed;
  readonly wires: readonly Wire[];
  readonly rounds: number;
  readonly json: boolean;
}

const WORKERS = 2;
const UNTIMED = 3;
const workload = 'dense';

/** @throws LockstepError config/invalid */
export function readWires(text: string): Wire[] {
  return text.split(',').map((name) => {
    const wire = readWire(name);
    if (wire !== undefined) return wire;
    throw new LockstepError('config/invalid', `--wires ${name}: expected ${wireExpected}`);
  });
}

/** Training on a slow link with gradients in each format, in turns. */
export async function runWiresBenchmark({ link, wires, rounds, json }: WiresOptions): Promise<void> {
  const reason = whyNoNamespaces();
  if (reason !== null) {
    console.log(`skipped: --link cannot be had here: ${reason}`);
    if (json) console.log(JSON.stringify({ benchmark: 'wires', skipped: reason }));
    return;
  }
  const network = await createNetwork({ nodes: WORKERS, link });
  const times = new Map(wires.map((wire) => [wire, { bytes: 0, step: [] as number[], reduce: [] as number[] }]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [wire, all] of times) {
        const training = { workload, network, untimed: UNTIMED, steps: stepsOf[workload], wire } as const;
        const { steps, bytesPerStep } = await trainLockstep({ ...training, interrupts: terminalInterrupts });
        all.bytes = bytesPerStep;
        all.step.push(...steps.map(({ periodSeconds }) => periodSeconds));
        all.reduce.push(...steps.map(({ reduceSeconds }) => reduceSeconds));
        console.error(`bench: ${wire}: step ${ms(median(all.step))} ms, ${(bytesPerStep / 1e6).toFixed(2)} MB`);
      }
    }
  } finally {
    await network.close();
  }
  const reports = [...times].map(([wire, { bytes, step, reduce }]) => {
    const seconds = median(step);
    const samplesPerSecond = (WORKERS * rowsOf[workload]) / seconds;
    return { wire, bytesPerStep: bytes, stepSeconds: seconds, reduceSeconds: median(reduce), samplesPerSecond };
  });
  const { cpuModel, cpuThreads, nodeVersion } = probeMachine();
  const rows = reports.map(({ wire, bytesPerStep, stepSeconds, reduceSeconds, samplesPerSecond }) => [
    ...[wire, (bytesPerStep / 1e6).toFixed(2), ms(stepSeconds), ms(reduceSeconds), samplesPerSecond.toFixed(0)],
  ]);
  const table = formatTable(
    ['wire', 'MB sent by a worker in a step', 'step, ms', 'waits for sums, ms', 'samples/s'],
    rows,
  );
  const title =
    `${titleOf[workload]}, ${WORKERS} workers of one thread, ${rowsOf[workload]} samples each, links of ${formatLink(link)}, ` +
    `medians. ${cpuModel}, ${cpuThreads} threads, Node.js ${nodeVersion}.`;
  (json ? console.error : console.log)(`${title}\n\n${table}`);
  if (json) console.log(JSON.stringify({ benchmark: 'wires', link, rounds, reports }));
}

const ms = (seconds: number): string => (seconds * 1e3).toFixed(0);
