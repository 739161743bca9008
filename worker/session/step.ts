import { at, invariant } from '../../shared/core/index.ts';
import type { Batch } from '../../shared/job/index.ts';
import type { StepReport } from '../../shared/run/index.ts';
import { filledMicrosteps, type SamplingPlan, samplesInStep } from '../../shared/sampling/index.ts';
import { PowerSgd, type WireFormat, type WireValues } from '../collective/index.ts';
import type { BatchLoader } from '../data/index.ts';
import type { Contribution, Microstep, Trainer } from '../engine/index.ts';
import { beginStep, type Compression, compress, firstReduction, reduceFactors } from './compression.ts';
import type { StepSums } from './epoch-tally.ts';
import type { Link } from './link.ts';
import type { NonFiniteGuard } from './non-finite.ts';
import { PhaseTimer } from './phase-timer.ts';
import type { GenerationView, MainToLink } from './protocol.ts';

type ContributeMessage = Extract<MainToLink, { kind: 'contribute' }>;

/** What one step needs; the same for all steps of a generation. */
export interface StepContext {
  readonly trainer: Trainer;
  readonly loader: BatchLoader;
  readonly link: Link;
  readonly plan: SamplingPlan;
  readonly generation: GenerationView;
  readonly totalSteps: number;
  /** The last update's reduced buckets go here: a worker that lacks the update takes them from there. */
  readonly keepReduced: (buckets: readonly WireValues[]) => void;
  readonly compression: Compression;
  readonly guard: NonFiniteGuard;
}

/** One training step: batch → forward and backward → reduce over all replicas → apply. */
export async function trainStep(context: StepContext, step: number): Promise<StepReport> {
  const { trainer, link, plan, totalSteps } = context;
  const timer = new PhaseTimer(link.board, step);
  const { statistics, drain, skipped } =
    plan.replicas === 1 && context.guard.allowsWholeSteps && trainer.trainWhole !== undefined
      ? await stepAlone(context, step, timer, trainer.trainWhole.bind(trainer))
      : await stepReduced(context, step, timer);
  return {
    step,
    ...sumsOf(trainer, plan, step, statistics, skipped),
    skipped,
    dataSeconds: timer.seconds('data'),
    forwardBackwardSeconds: timer.seconds('forward-backward'),
    reduceSeconds: timer.seconds('reduce'),
    applySeconds: timer.seconds('apply'),
    stepSeconds: timer.elapsedSeconds,
    last: drain || step + 1 >= totalSteps,
  };
}

/** What a committed step did, of its statistics over all replicas; times are told elsewhere. */
export function sumsOf(
  { metricWidth }: Pick<Trainer, 'metricWidth'>,
  plan: SamplingPlan,
  step: number,
  statistics: Float32Array,
  skipped: boolean,
): StepSums {
  const measured = [...statistics.subarray(0, 1 + metricWidth)];
  // What a skipped step measured is no number.
  const [lossSum = 0, ...metricSums] = skipped ? measured.map(() => 0) : measured;
  return { samples: skipped ? 0 : samplesInStep(plan, step), lossSum, metricSums, stepSeconds: 0 };
}

/** Statistics of a committed step over all replicas, and whether the workers agreed to drain after it. */
interface Outcome {
  readonly statistics: Float32Array;
  readonly drain: boolean;
  /** The update was left out (non-finite.ts). */
  readonly skipped: boolean;
}

/**
 * Each bucket of a replica's contribution leaves for the link thread as soon as it is computed, so the link thread sums
 * and sends it while the next one computes.
 */
async function stepReduced(context: StepContext, step: number, timer: PhaseTimer): Promise<Outcome> {
  const { trainer, loader, link, generation, compression, guard } = context;
  const reduction = firstReduction(compression, step);
  beginStep(link, compression, step, [trainer.layout.statistics + 1]);
  for (let replica = generation.replicas.start; replica < generation.replicas.end; replica++) {
    link.throwIfStopped();
    const { batch, place } = await accumulate(context, step, replica, timer);
    let bucket = 0;
    for (let values of trainer.parts(batch, place)) {
      const isStatistics = bucket === trainer.layout.gradientBuckets.length;
      if (isStatistics) guard.checkReplica(Number(values[0]), step, replica, batch);
      else if (values instanceof Float32Array) values = compress(compression, replica, bucket, values);
      if (isStatistics) values = withDrain(values, link.drainRequested);
      contribute(link, { generation: generation.generation, step: reduction, replica, bucket: bucket++, values });
    }
    loader.recycle(batch);
  }
  timer.enter('reduce');
  const { buckets } = await link.receive('reduced');
  const reduced = unpackReduced(buckets);
  const { statistics } = reduced.contribution;
  let { gradients } = reduced.contribution;
  if (compression instanceof PowerSgd)
    gradients = await reduceFactors(link, compression, generation, step, gradients as Float32Array[]);
  timer.enter('apply');
  const skipped = !guard.admits({ gradients, statistics }, step);
  if (!skipped) trainer.apply({ gradients, statistics }, step);
  context.keepReduced(buckets);
  return { statistics, drain: reduced.drain, skipped };
}

/** The only replica there is reduces with nobody: its gradients need not leave the device. Same bits as the other way. */
async function stepAlone(
  context: StepContext,
  step: number,
  timer: PhaseTimer,
  trainWhole: NonNullable<Trainer['trainWhole']>,
): Promise<Outcome> {
  const { loader, link, guard } = context;
  const { batch, place } = await accumulate(context, step, 0, timer);
  link.throwIfStopped();
  const statistics = guard.explaining(step, batch, () => trainWhole(batch, place));
  loader.recycle(batch);
  return { statistics, drain: link.drainRequested, skipped: false };
}

/**
 * Computes all microsteps of a replica but the last one that has samples, which is left to the caller with the batch
 * that the loader gave for it. Batches without samples, in the last step of an epoch, are passed over.
 */
async function accumulate(
  { trainer, loader, link, plan }: StepContext,
  step: number,
  replica: number,
  timer: PhaseTimer,
): Promise<{ batch: Batch; place: Microstep }> {
  const last = filledMicrosteps(plan, step, replica) - 1;
  const next = async (): Promise<Batch> => {
    timer.enter('data');
    const { batch } = await loader.next();
    timer.enter('forward-backward');
    return batch;
  };
  const { replicas } = plan;
  const common = { step, replica, replicas, globalSamples: samplesInStep(plan, step) };
  for (let microstep = 0; microstep < last; microstep++) {
    const batch = await next();
    link.throwIfStopped();
    trainer.accumulate(batch, { ...common, microstep });
    loader.recycle(batch);
  }
  const batch = await next();
  for (let empty = last + 1; empty < (plan.accumulate ?? 1); empty++) loader.recycle(await next());
  return { batch, place: { ...common, microstep: last } };
}

/**
 * The wish to drain rides along in the reduction, so that all workers see it in the same step without asking anyone:
 * one more value behind the statistics, the number of replicas whose worker was asked to drain.
 */
export function bucketLengths({ layout }: Trainer): number[] {
  return [...layout.gradientBuckets, layout.statistics + 1];
}

/** Only gradients may be rounded: sums of losses, metrics and samples stay what they are. */
export function bucketFormats({ layout }: Trainer): WireFormat[] {
  return [...layout.gradientBuckets.map(() => layout.wire), 'float32'];
}

function contribute(link: Link, part: Omit<ContributeMessage, 'kind'>): void {
  link.send({ kind: 'contribute', ...part }, [part.values.buffer as ArrayBuffer]);
}

function withDrain(statistics: WireValues, drain: boolean): Float32Array {
  const all = new Float32Array(statistics.length + 1);
  all.set(statistics);
  all[statistics.length] = drain ? 1 : 0;
  return all;
}

/** The contribution of all replicas, and whether the workers agreed to drain after it. */
export function unpackReduced(buckets: readonly WireValues[]): { contribution: Contribution; drain: boolean } {
  const last = at(buckets, buckets.length - 1);
  invariant(last instanceof Float32Array, 'statistics are float32');
  const statistics = last.subarray(0, -1);
  return { contribution: { gradients: buckets.slice(0, -1), statistics }, drain: at(last, statistics.length) > 0 };
}
