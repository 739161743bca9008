import type { CheckpointSettings } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import { type Job, withoutLocations } from '../../shared/job/index.ts';
import type { ResumePoint } from '../../shared/run/index.ts';
import type { Log } from '../../shared/telemetry/index.ts';
import {
  type Facts,
  type FoundCheckpoint,
  findCheckpoint,
  isOneCheckpoint,
  openCheckpoint,
} from '../checkpoint/index.ts';
import type { EngineInfo, NamedWeight, Trainer } from '../engine/index.ts';
import type { CheckpointProgress } from './epoch-tally.ts';
import { hashOf } from './job-hash.ts';
import type { RunPlan } from './run-plan.ts';

/** What decides the bits of a run, by what people call it: a checkpoint goes on only where all of it is equal. */
export function runIdentity(
  job: Pick<Job, 'optimizer' | 'loss' | 'lossWeights' | 'data' | 'callbacks'>,
  plan: RunPlan,
  trainer: Pick<Trainer, 'topology' | 'parameters'>,
  data: { readonly readers: object; readonly adapted: object; readonly specs: object },
  bucketBytes: number,
): Facts {
  const { seed, replicas, globalBatchSize, accumulate = 1, shuffle, samples } = plan.train;
  return {
    parameters: trainer.parameters,
    'model (SHA-256 of its topology)': hashOf(trainer.topology),
    seed,
    replicas,
    'samples per step': globalBatchSize,
    accumulate,
    shuffle,
    'training samples': samples,
    'data (SHA-256 of their description)': hashOf({ ...data, train: withoutLocations(job.data.train) }),
    'optimizer (SHA-256)': hashOf(job.optimizer),
    'loss (SHA-256)': hashOf([job.loss, job.lossWeights]),
    callbacks: job.callbacks.length,
    precision: plan.precision,
    wire: JSON.stringify(plan.wire),
    'bucket bytes': bucketBytes,
  };
}

/** What may differ, with other bits from there on than if it did not. */
export function runEnvironment(info: EngineInfo, plan: RunPlan): Facts {
  const { name, version, deviceClass, threads } = info;
  return { engine: name, version, 'device class': deviceClass, threads, compiled: plan.compile };
}

/**
 * The checkpoint that a run begins with, whose every byte was checked; null to begin anew.
 * @throws LockstepError checkpoint/corrupt, checkpoint/missing, checkpoint/mismatch naming the difference, config/invalid
 */
export async function openResume(
  settings: CheckpointSettings | undefined,
  run: { readonly identity: Facts; readonly environment: Facts },
  log: Log,
): Promise<FoundCheckpoint | null> {
  if (settings === undefined) return null;
  const found = await choose(settings, (error) =>
    log.warn(`${error.code}: ${error.message}; the one before it is tried`),
  );
  if (found === null) return null;
  const difference = differenceIn(found.identity, run.identity);
  if (difference !== undefined) {
    throw new LockstepError(
      'checkpoint/mismatch',
      `${found.place} is of another run: ${difference}. Go on with what it was written with, or begin anew with another --checkpoint`,
      { details: { checkpoint: found.place } },
    );
  }
  const other = differenceIn(found.environment, run.environment);
  if (other !== undefined)
    log.warn(`${found.place} was written elsewhere: ${other}. The bits from here on may be others`);
  return found;
}

async function choose(
  { place, resume }: CheckpointSettings,
  refused: (error: LockstepError) => void,
): Promise<FoundCheckpoint | null> {
  if (resume !== 'auto' && resume !== 'off') {
    const found = isOneCheckpoint(resume) ? await openCheckpoint(resume) : await findCheckpoint(resume, refused);
    if (found === null) throw new LockstepError('checkpoint/missing', `--resume ${resume}: there is no checkpoint`);
    return found;
  }
  if (place === null) return null;
  const found = await findCheckpoint(place, refused);
  if (found === null || resume === 'auto') return found;
  throw new LockstepError(
    'config/invalid',
    `--resume off: ${place} holds checkpoints of another run (${found.place}). Give another --checkpoint, or take them away`,
    { details: { place } },
  );
}

function differenceIn(theirs: Facts, ours: Facts): string | undefined {
  const name = Object.keys({ ...ours, ...theirs }).find((key) => theirs[key] !== ours[key]);
  if (name === undefined) return undefined;
  const short = (value: Facts[string] | undefined) => String(value).replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, '$1…');
  return `${name} is ${short(ours[name])}, but ${short(theirs[name])} there`;
}

/** As the coordinator learns of it. */
export function resumePoint({ step, place, sha256, progress }: FoundCheckpoint): ResumePoint {
  const { epoch, history } = progress as CheckpointProgress;
  return { step, place, sha256, epoch, history };
}

/** @throws LockstepError checkpoint/mismatch */
export function applyResume(trainer: Trainer, { groups }: FoundCheckpoint): void {
  const { weights = [], slots = [] } = groups;
  trainer.writeState({ weights: asWeights(weights), slots });
}

/** Which of them are trainable, the model knows. */
export function asWeights(arrays: readonly Omit<NamedWeight, 'trainable'>[]): NamedWeight[] {
  return arrays.map((array) => ({ ...array, trainable: true }));
}
