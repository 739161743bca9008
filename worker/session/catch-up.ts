import { invariant, LockstepError } from '../../shared/core/index.ts';
import type { EpochSums } from '../../shared/run/index.ts';
import type { SamplingPlan } from '../../shared/sampling/index.ts';
import type { NamedBytes, WireValues } from '../collective/index.ts';
import type { NamedSlot, NamedWeight, Trainer } from '../engine/index.ts';
import type { GateState } from './epoch-gate.ts';
import type { EpochTally } from './epoch-tally.ts';
import type { Link } from './link.ts';
import type { NonFiniteGuard } from './non-finite.ts';
import type { GenerationView } from './protocol.ts';
import { sumsOf, unpackReduced } from './step.ts';

/** Where a worker stands in the run, from generation to generation. */
export class Progress {
  /** Updates applied. */
  steps: number;
  /** Training ends after them, because the workers agreed to. */
  drained = false;
  /** The last update's gradients, summed over all replicas, for a worker that lacks it. */
  reduced: readonly WireValues[] = [];

  /** @param steps that a checkpoint holds */
  constructor(steps: number) {
    this.steps = steps;
  }
}

export interface CatchUpParts {
  readonly trainer: Trainer;
  readonly link: Link;
  readonly generation: GenerationView;
  readonly plan: SamplingPlan;
  readonly progress: Progress;
  readonly guard: NonFiniteGuard;
  /** Null in a run without checkpoints. */
  readonly tally: EpochTally | null;
  /** Null in a job without callbacks. */
  readonly gate: { state: GateState } | null;
}

/**
 * Brings this worker and the generation's others to the same state, that after `startStep` updates: one that lacks the
 * last update applies its reduced gradients, a new one takes weights, slots and all else from those that have them.
 */
export async function catchUp(parts: CatchUpParts): Promise<void> {
  const { link, generation, progress } = parts;
  const { rank, startStep, donors, behind, fresh } = generation;
  if (donors.includes(rank)) offer(parts);
  if (behind.includes(rank)) {
    invariant(progress.steps === startStep - 1, 'applied steps of live workers differ by at most one');
    applyReduced(parts, await take(link, versionOf(startStep, 'reduced'), donors));
  }
  if (fresh.includes(rank)) takeState(parts, await take(link, versionOf(startStep, 'state'), donors));
  invariant(progress.steps === startStep, 'all workers of a generation start after the same step');
}

/** Offers of one generation are told apart by this. */
function versionOf(step: number, what: 'reduced' | 'state'): number {
  return 2 * step + (what === 'state' ? 1 : 0);
}

function offer({ trainer, link, generation, progress, gate, tally }: CatchUpParts): void {
  const { startStep, behind, fresh } = generation;
  if (behind.length > 0) {
    const entries = progress.reduced.map((values, bucket) => ({ name: String(bucket), bytes: bytesOf(values) }));
    link.send({ kind: 'offer', version: versionOf(startStep, 'reduced'), entries });
  }
  if (fresh.length === 0) return;
  const { weights, slots } = trainer.readState();
  const { kept = null, ...facts } = gate?.state ?? {};
  const about = Buffer.from(
    JSON.stringify({ steps: progress.steps, facts, keeps: kept !== null, epoch: tally?.sums ?? null }),
  );
  const arrays = [...weights, ...slots, ...(kept ?? [])];
  const entries = arrays.map(({ name, values }) => ({ name, bytes: bytesOf(values) }));
  link.send({
    kind: 'offer',
    version: versionOf(startStep, 'state'),
    entries: [{ name: ABOUT, bytes: about }, ...entries],
  });
}

const ABOUT = 'about';

async function take(link: Link, version: number, ranks: readonly number[]): Promise<readonly NamedBytes[]> {
  link.send({ kind: 'take', version, ranks });
  return (await link.receive('taken')).entries;
}

function applyReduced({ trainer, progress, plan, tally, guard }: CatchUpParts, entries: readonly NamedBytes[]): void {
  const { gradientBuckets, wire } = trainer.layout;
  const buckets = entries.map(({ bytes }, bucket): WireValues => {
    const isGradients = bucket < gradientBuckets.length;
    return isGradients && wire === 'bfloat16' ? new Uint16Array(aligned(bytes)) : floats(bytes);
  });
  const { contribution, drain } = unpackReduced(buckets);
  const skipped = !guard.admits(contribution, progress.steps);
  if (!skipped) trainer.apply(contribution, progress.steps);
  tally?.add(sumsOf(trainer, plan, progress.steps, contribution.statistics, skipped));
  progress.steps++;
  progress.drained ||= drain;
  progress.reduced = buckets;
}

interface About {
  readonly steps: number;
  readonly facts: Omit<GateState, 'kept'>;
  readonly keeps: boolean;
  readonly epoch: EpochSums | null;
}

function takeState({ trainer, progress, gate, tally }: CatchUpParts, entries: readonly NamedBytes[]): void {
  const [first, ...arrays] = entries;
  invariant(first?.name === ABOUT, 'a state begins with what is told about it');
  const { steps, facts, keeps, epoch } = JSON.parse(Buffer.from(first.bytes).toString()) as About;
  const own = trainer.readState();
  const values = <T extends NamedSlot>(described: readonly T[], from: number): T[] =>
    described.map((one, index) => ({ ...one, values: valuesOf(one, arrays[from + index]) }));
  const slotsFrom = own.weights.length;
  trainer.writeState({ weights: values(own.weights, 0), slots: values(own.slots, slotsFrom) });
  const kept: NamedWeight[] | null = keeps ? values(own.weights, slotsFrom + own.slots.length) : null;
  if (gate !== null) gate.state = { ...facts, kept };
  if (tally !== null && epoch !== null) tally.sums = epoch;
  progress.steps = steps;
}

function valuesOf({ name, shape }: NamedSlot, entry: NamedBytes | undefined): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  if (entry?.name === name && entry.bytes.length === 4 * length) return floats(entry.bytes);
  throw new LockstepError(
    'collective/corrupt',
    `a peer's state holds ${entry?.name ?? 'nothing'} with ${entry?.bytes.length ?? 0} bytes where ${name} with ` +
      `${4 * length} bytes is due`,
  );
}

function bytesOf(values: WireValues): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(aligned(bytes));
}

function aligned(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}
