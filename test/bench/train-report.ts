import { median } from '../../cli/allreduce/index.ts';
import { type PeerName, peerNames } from './training-peers.ts';
import { type TrainingWorkload, titleOf } from './training-workloads.ts';

/** How many times as fast as the better peer Lockstep shall be. */
export const TRAINING_GOAL = 1.15;

export type Trainer = 'lockstep' | PeerName;

/** Seconds of the timed steps of each round. */
export type Rounds = readonly (readonly number[])[];

export interface TrainReport {
  readonly workload: TrainingWorkload;
  /** Median over all timed steps, in samples of the whole batch. */
  readonly samplesPerSecond: Partial<Readonly<Record<Trainer, number>>>;
  readonly betterPeer: PeerName | null;
  /** Median over the rounds of the better peer's time ÷ Lockstep's. */
  readonly ofBetterPeer: number | null;
  readonly goal: number;
}

export function reportTraining(
  workload: TrainingWorkload,
  globalBatchSize: number,
  rounds: Partial<Readonly<Record<Trainer, Rounds>>>,
): TrainReport {
  const samplesPerSecond: Partial<Record<Trainer, number>> = {};
  for (const [trainer, turns] of Object.entries(rounds)) {
    samplesPerSecond[trainer as Trainer] = globalBatchSize / median(turns.flat());
  }
  const rate = (name: PeerName): number => samplesPerSecond[name] ?? 0;
  const peers = peerNames.filter((name) => rate(name) > 0).toSorted((a, b) => rate(b) - rate(a));
  const betterPeer = peers[0] ?? null;
  const own = rounds.lockstep ?? [];
  const other = betterPeer === null ? [] : (rounds[betterPeer] ?? []);
  const ratios = own.flatMap((turn, round) => {
    const beside = other[round];
    return beside === undefined ? [] : [median(beside) / median(turn)];
  });
  const ofBetterPeer = ratios.length === 0 ? null : median(ratios);
  return { workload, samplesPerSecond, betterPeer, ofBetterPeer, goal: TRAINING_GOAL };
}

/** Heads and rows of a table. */
export function trainTable(reports: readonly TrainReport[]): [head: string[], rows: string[][]] {
  const head = ['samples/s', 'Lockstep', 'PyTorch DDP', 'Keras MWMS', '× better peer', 'goal met'];
  const rows = reports.map(({ workload, samplesPerSecond, ofBetterPeer, goal }) => {
    const rate = (trainer: Trainer): string => samplesPerSecond[trainer]?.toFixed(0) ?? '–';
    const verdict = ofBetterPeer === null ? '–' : ofBetterPeer >= goal ? 'yes' : 'no';
    const ratio = ofBetterPeer === null ? '–' : `${ofBetterPeer.toFixed(2)} (≥ ${goal})`;
    return [titleOf[workload], rate('lockstep'), rate('pytorch'), rate('keras'), ratio, verdict];
  });
  return [head, rows];
}
