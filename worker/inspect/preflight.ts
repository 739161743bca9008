import { freemem } from 'node:os';
import { LockstepError } from '../../shared/core/index.ts';
import { loadEngine, type Trainer } from '../engine/index.ts';
import {
  executionText,
  loadJob,
  type OpenLoaders,
  openLoaders,
  planRun,
  type RunPlan,
  trainerOptions,
} from '../session/index.ts';
import { type InspectionOptions, singleRun } from './inspection-options.ts';
import {
  checkGradients,
  describeData,
  describeJob,
  describeMemory,
  describeModel,
  describeSpeed,
  fail,
  ok,
  type PreflightCheck,
} from './preflight-checks.ts';
import { peakResidentBytes } from './process-memory.ts';
import { phaseMedians } from './profile-report.ts';
import { measureSteps, withoutWarmUp } from './step-phases.ts';

export interface PreflightOptions extends InspectionOptions {
  /** Without the compiled step. */
  readonly eager: boolean | null;
}

/**
 * Does in this process what a run would do first: loads engine, job and data, builds and compiles the model, trains
 * some steps. Ends at the first failure, which is the last check then.
 */
export async function runPreflight(options: PreflightOptions): Promise<PreflightCheck[]> {
  const checks: PreflightCheck[] = [];
  let stage = 'engine';
  let loaders: OpenLoaders | undefined;
  let trainer: Trainer | undefined;
  try {
    const available = freemem();
    const engine = await loadEngine('tensorflow', { threads: options.threads });
    stage = 'job';
    const job = await loadJob(options.jobFile);
    stage = 'data';
    loaders = await openLoaders(job.data, { directory: options.dataDirectory });
    stage = 'job';
    const settings = { ...singleRun(options), eager: options.eager };
    const plan = planRun(job, settings, loaders.train.size);
    checks.push(describeJob(job, plan), ...describeData(loaders, plan));
    stage = 'model';
    const started = performance.now();
    trainer = await engine.createTrainer(trainerOptions(job, plan, settings, loaders.train));
    const readySeconds = (performance.now() - started) / 1000;
    checks.push(
      describeModel(trainer.modelName, trainer.readWeights()),
      describeStep(trainer, executionText(job, settings), readySeconds),
    );
    stage = 'training';
    checks.push(...(await checkTraining(trainer, loaders, plan, { steps: options.steps, available })));
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    checks.push(fail(stage, error));
  } finally {
    trainer?.close();
    await loaders?.close();
  }
  return checks;
}

function describeStep({ inspection }: Trainer, execution: string, readySeconds: number): PreflightCheck {
  const seconds = `${readySeconds.toFixed(1)} s`;
  if (inspection === undefined) return ok('step', `runs ${execution}, which is slow; ready after ${seconds}`);
  const { nodes } = inspection;
  return ok(
    'step',
    `compiles to ${nodes.length} nodes, every op with kernel and gradient, pure; ready after ${seconds}` +
      (execution === '' ? '' : `; ${execution}`),
  );
}

/** Trains on the job's data. */
async function checkTraining(
  trainer: Trainer,
  loaders: OpenLoaders,
  plan: RunPlan,
  { steps, available }: { readonly steps: number; readonly available: number },
): Promise<PreflightCheck[]> {
  const before = trainer.readWeights();
  const { phases, losses, last, repeat } = await measureSteps(trainer, loaders.train, plan.train, steps);
  const { inspection } = trainer;
  const gradients = last.gradients.reduce((bytes, { byteLength }) => bytes + byteLength, 0);
  const memory = {
    weights: inspection?.weightBytes ?? before.reduce((bytes, { values }) => bytes + values.byteLength, 0),
    slots: inspection?.slotBytes,
    gradients,
    values: inspection?.estimateMemory(repeat).peakBytes,
    peakResident: peakResidentBytes(),
    available,
  };
  return [
    ok('loss', `${losses.map((loss) => loss.toPrecision(4)).join(', ')} in the first steps`),
    checkGradients(before, trainer.readWeights()),
    describeMemory(memory),
    describeSpeed(phaseMedians(phases), plan, withoutWarmUp(phases).length),
  ];
}
