import type { ExchangeChoice } from '../../worker/collective/index.ts';
import type { Network } from '../network/index.ts';

/** Something that sums arrays over processes: Lockstep, or a library beside it. */
export interface Contestant {
  readonly name: string;
  /** Starts one process on each node. */
  start(network: Network, signal: AbortSignal): Promise<Group>;
}

/** The processes of a contestant: idle between turns. */
export interface Group {
  /** Gets ready to reduce `bytes` bytes of float32 values on every process, and checks one sum. */
  prepare(bytes: number): Promise<void>;
  /** How it chose to exchange, at the last `prepare`; of Lockstep. */
  readonly exchange?: ExchangeChoice | undefined;
  /** Reduces; the first `untimed` times are not counted. */
  turn(untimed: number, iterations: number): Promise<Turn>;
  /** Ends all processes. Idempotent. */
  close(): Promise<void>;
}

export interface Turn {
  /** Of each timed iteration on rank 0, which ends together with all others. */
  readonly seconds: readonly number[];
  /** Processor time of all processes in the timed iterations. */
  readonly cpuSeconds: number;
}

/** A turn as every rank told it. */
export function joinTurns(turns: readonly Turn[]): Turn {
  return { seconds: turns[0]?.seconds ?? [], cpuSeconds: turns.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) };
}
