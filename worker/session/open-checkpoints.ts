import type { RunSettings } from '../../shared/config/index.ts';
import { keepsGradients, LockstepError } from '../../shared/core/index.ts';
import { scalarNames } from '../../shared/metrics/index.ts';
import type { Facts, FoundCheckpoint } from '../checkpoint/index.ts';
import type { Trainer } from '../engine/index.ts';
import { bestRule, Checkpoints, type DecidedState } from './checkpoints.ts';
import { EpochTally } from './epoch-tally.ts';
import type { Link } from './link.ts';
import { resumePoint } from './resume.ts';
import type { RunPlan } from './run-plan.ts';

export interface CheckpointedRun {
  readonly settings: RunSettings;
  readonly plan: RunPlan;
  readonly trainer: Trainer;
  readonly identity: Facts;
  readonly environment: Facts;
  readonly resumed: FoundCheckpoint | null;
  readonly hasValidation: boolean;
  readonly callbacks: number;
}

/** Before training: what a checkpoint could not hold. @throws LockstepError config/invalid */
export function checkCheckpoints({
  settings,
  plan,
  trainer,
  hasValidation,
  callbacks,
}: Omit<CheckpointedRun, 'identity' | 'environment' | 'resumed'>): void {
  const { checkpoint } = settings;
  if (checkpoint === undefined) return;
  bestRule(checkpoint.best, measuredNames(trainer, hasValidation));
  if (callbacks > 0) {
    throw new LockstepError(
      'config/invalid',
      '--checkpoint does not go with callbacks yet: what they remember of the epochs before is not in a checkpoint',
    );
  }
  if (!keepsGradients(plan.wire)) return;
  throw new LockstepError(
    'config/invalid',
    '--checkpoint does not go with --wire top-k or powersgd: what each replica keeps back of its gradients is on its worker alone',
  );
}

/** Null where this run writes none. */
export function openCheckpoints(
  { settings, plan, trainer, identity, environment, resumed, hasValidation }: CheckpointedRun,
  link: Link,
  decided: () => DecidedState | null,
): Checkpoints | null {
  const { checkpoint } = settings;
  if (checkpoint === undefined || checkpoint.place === null) return null;
  const { place } = checkpoint;
  const resume = resumed === null ? null : resumePoint(resumed);
  const before = resume?.history ?? [];
  return new Checkpoints({
    settings: { ...checkpoint, place },
    best: bestRule(checkpoint.best, measuredNames(trainer, hasValidation)),
    ...{ identity, environment, trainer, decided },
    stepsPerEpoch: plan.stepsPerEpoch,
    tally: new EpochTally(plan.stepsPerEpoch, resume),
    history: () => [...before, ...link.epochEnds],
    tell: (report) => link.send({ kind: 'checkpointed', report }),
  });
}

function measuredNames({ metrics }: Trainer, hasValidation: boolean): string[] {
  const names = ['loss', ...scalarNames(metrics)];
  return hasValidation ? [...names, ...names.map((name) => `val_${name}`)] : names;
}
