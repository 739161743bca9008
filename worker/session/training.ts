import type { Trainer } from '../engine/index.ts';
import type { Progress } from './catch-up.ts';
import type { Checkpoints } from './checkpoints.ts';
import { compressionOf } from './compression.ts';
import type { EpochGate } from './epoch-gate.ts';
import type { Link } from './link.ts';
import type { OpenLoaders } from './loaders.ts';
import type { NonFiniteGuard } from './non-finite.ts';
import type { GenerationView } from './protocol.ts';
import type { RunPlan } from './run-plan.ts';
import { type StepContext, trainStep } from './step.ts';

export interface TrainingParts {
  readonly trainer: Trainer;
  readonly loaders: OpenLoaders;
  readonly plan: RunPlan;
  readonly link: Link;
  readonly generation: GenerationView;
  readonly progress: Progress;
  readonly guard: NonFiniteGuard;
  /** Null in a job without callbacks. */
  readonly gate: EpochGate | null;
  /** Null in a run without them. */
  readonly checkpoints: Checkpoints | null;
  readonly validate: (steps: number) => Promise<void>;
}

/**
 * The step loop, from where the generation starts to the end of training. Returns the number of committed steps.
 * @throws GenerationOver when the membership changes
 */
export async function trainGeneration(parts: TrainingParts): Promise<number> {
  const { plan, loaders, link, generation, progress, gate, checkpoints } = parts;
  const { startStep } = generation;
  if (plan.totalSteps === 0) return 0;
  const { replicas } = generation;
  const range = { replicas, firstStep: startStep, endStep: plan.totalSteps };
  loaders.train.start({ ...range, plan: plan.train, isTraining: true });
  await gate?.enter(generation);
  if ((await gate?.begin()) === false) return startStep;
  if (startStep > 0 && !(await passBoundary(parts, startStep, generation.validated))) return startStep;
  const context = stepContext(parts);
  for (let step = startStep; ; step++) {
    const report = await trainStep(context, step);
    progress.steps = step + 1;
    progress.drained ||= report.last && progress.steps < plan.totalSteps;
    link.board.setMemory(parts.trainer.memory());
    link.send({ kind: 'committed', report });
    await checkpoints?.committed(report, generation.rank === 0);
    await gate?.afterStep(step % plan.stepsPerEpoch, report);
    if (!(await passBoundary(parts, progress.steps, false))) return progress.steps;
  }
}

/** What comes after the last step of an epoch, or of training. Whether another step follows. */
async function passBoundary(
  { plan, gate, progress, validate }: TrainingParts,
  steps: number,
  isValidated: boolean,
): Promise<boolean> {
  const isLast = progress.drained || steps >= plan.totalSteps;
  if (steps % plan.stepsPerEpoch !== 0 && !isLast) return true;
  if (!isValidated) await validate(steps);
  const goesOn = (await gate?.end(Math.ceil(steps / plan.stepsPerEpoch), isLast)) ?? true;
  return goesOn && !isLast;
}

function stepContext({ trainer, loaders, plan, link, generation, progress, guard }: TrainingParts): StepContext {
  const compression = compressionOf(plan, trainer, generation.replicas);
  return {
    ...{ trainer, loader: loaders.train, link, plan: plan.train, generation, totalSteps: plan.totalSteps },
    compression,
    guard,
    keepReduced: (buckets) => {
      progress.reduced = buckets;
    },
  };
}
