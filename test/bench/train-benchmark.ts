import { hostname } from 'node:os';
import { formatTable, median } from '../../cli/allreduce/index.ts';
import { loopbackNetwork, type Network } from '../../cli/network/index.ts';
import { terminalInterrupts } from '../../cli/run-locally.ts';
import { probeMachine } from '../../cli/setup/machine.mjs';
import { LockstepError } from '../../shared/core/index.ts';
import { trainLockstep } from './lockstep-training.ts';
import { type Rounds, reportTraining, type Trainer, type TrainReport, trainTable } from './train-report.ts';
import { type PeerName, peerNames, peerTitles, peerTurn, startPeer, type TrainingPeer } from './training-peers.ts';
import { rowsOf, stepsOf, type TrainingWorkload } from './training-workloads.ts';

export interface TrainBenchmarkOptions {
  readonly workloads: readonly TrainingWorkload[];
  readonly rounds: number;
  readonly json: boolean;
}

const WORKERS = 2;

/**
 * A run's first steps load what the others have loaded, and V8 compiles in them what all later ones call: for a few seconds
 * they take a fifth more processor time. The others stay warm between their turns.
 */
const LOCKSTEP_UNTIMED: Readonly<Record<TrainingWorkload, number>> = { cnn: 60, lstm: 250, dense: 10 };
const PEER_UNTIMED = 3;

const note = (line: string): void => console.error(`bench: ${line}`);

/** Trains on two workers in all libraries, in turns; prints a table, with `json` one JSON object as well. */
export async function runTrainBenchmark(options: TrainBenchmarkOptions): Promise<void> {
  const abort = new AbortController();
  const unsubscribe = terminalInterrupts(() => abort.abort());
  const network = loopbackNetwork(WORKERS, hostname());
  const peers = new Map<PeerName, TrainingPeer>();
  const skipped: Partial<Record<PeerName, string>> = {};
  try {
    for (const name of peerNames) {
      const started = await startPeer(name, network, { signal: abort.signal, note }).catch((error: Error) => error);
      if (!(started instanceof Error)) peers.set(name, started);
      else {
        skipped[name] = started.message;
        note(`without ${peerTitles[name]}: ${started.message}`);
      }
    }
    const reports: TrainReport[] = [];
    for (const workload of options.workloads) reports.push(await measure(workload, peers, network, options.rounds));
    print(reports, skipped, options);
  } catch (error) {
    if (abort.signal.aborted) throw new LockstepError('run/interrupted', 'the benchmark was ended by the user');
    throw error;
  } finally {
    unsubscribe();
    await Promise.all([...peers.values()].map((peer) => peer.close()));
  }
}

async function measure(
  workload: TrainingWorkload,
  peers: ReadonlyMap<PeerName, TrainingPeer>,
  network: Network,
  roundCount: number,
): Promise<TrainReport> {
  const steps = stepsOf[workload];
  const rounds = new Map<Trainer, number[][]>();
  const add = (trainer: Trainer, seconds: readonly number[]): void => {
    rounds.set(trainer, [...(rounds.get(trainer) ?? []), [...seconds]]);
    const rate = (WORKERS * rowsOf[workload]) / median(seconds);
    note(`${workload}: ${trainer} ${rate.toFixed(0)} samples/s`);
  };
  for (const peer of peers.values()) await peer.ask({ kind: 'load', workload, rows: rowsOf[workload] });
  for (let round = 0; round < roundCount; round++) {
    const run = { workload, network, untimed: LOCKSTEP_UNTIMED[workload], steps, interrupts: terminalInterrupts };
    const { steps: reports } = await trainLockstep(run);
    add(
      'lockstep',
      reports.map(({ periodSeconds }) => periodSeconds),
    );
    for (const [name, peer] of peers) {
      add(name, await peerTurn(peer, { workload, untimed: PEER_UNTIMED, steps, what: 'step' }));
    }
  }
  const all: Partial<Record<Trainer, Rounds>> = Object.fromEntries(rounds);
  return reportTraining(workload, WORKERS * rowsOf[workload], all);
}

function print(reports: readonly TrainReport[], skipped: object, { json, rounds }: TrainBenchmarkOptions): void {
  const { cpuModel, cpuThreads, nodeVersion } = probeMachine();
  const machine = { cpuModel, cpuThreads, nodeVersion };
  const title = `Training, ${WORKERS} workers of one thread on loopback, Adam, medians. ${cpuModel}, ${cpuThreads} threads, Node.js ${nodeVersion}.`;
  (json ? console.error : console.log)(`${title}\n\n${formatTable(...trainTable(reports))}`);
  if (json) console.log(JSON.stringify({ benchmark: 'train', workers: WORKERS, rounds, machine, skipped, reports }));
}
