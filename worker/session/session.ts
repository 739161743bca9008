import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RunSettings } from '../../shared/config/index.ts';
import { LockstepError, powerSgdRank, topKFraction } from '../../shared/core/index.ts';
import type { Job, JobPlace } from '../../shared/job/index.ts';
import type { EvaluationShare } from '../../shared/run/index.ts';
import type { Log } from '../../shared/telemetry/index.ts';
import { saveModel } from '../checkpoint/index.ts';
import { type Engine, encodeGraph, type NamedWeight, type Trainer, weightsSha256 } from '../engine/index.ts';
import { openSavedWeights } from '../models/index.ts';
import { CallbackRunner } from './callback-runner.ts';
import { catchUp, Progress } from './catch-up.ts';
import type { Checkpoints } from './checkpoints.ts';
import { dumpGraph } from './dump-graph.ts';
import { EpochGate } from './epoch-gate.ts';
import { evaluateReplicas } from './evaluation.ts';
import { hashJob } from './job-hash.ts';
import { hashReaders, loadJob } from './job-loader.ts';
import { GenerationOver, type Link } from './link.ts';
import { adaptedOf, type OpenLoaders, openLoaders, savedAdaptations } from './loaders.ts';
import { logCompiled } from './log-compiled.ts';
import { logExchange } from './log-exchange.ts';
import { NonFiniteGuard } from './non-finite.ts';
import { type CheckpointedRun, checkCheckpoints, openCheckpoints } from './open-checkpoints.ts';
import type { GenerationView } from './protocol.ts';
import { applyResume, openResume, resumePoint, runEnvironment, runIdentity } from './resume.ts';
import { evaluationPlan, executionText, planRun } from './run-plan.ts';
import { bucketFormats, bucketLengths } from './step.ts';
import { trainerOptions } from './trainer-options.ts';
import { trainGeneration } from './training.ts';

export interface SessionOptions {
  readonly jobFile: string;
  readonly jobFileHash: string;
  /** Where in `jobFile` the job is; its default export when null. */
  readonly jobPlace: JobPlace | null;
  readonly dataDirectory: string | undefined;
  readonly out: string;
  /** A saved model, or a file of weights, to start from. */
  readonly checkpoint: string | undefined;
  /** File for the compiled graph. */
  readonly dumpGraph: string | null;
  readonly log: Log;
}

export interface SessionEnd {
  /** The run was asked to end before its last step, and the same command goes on with it. */
  readonly endedEarly: boolean;
}

/** A worker's part in a run from join to end. @throws LockstepError its own failure, or what the coordinator stopped it for */
export async function runSession(
  options: SessionOptions,
  settings: RunSettings,
  link: Link,
  engine: Engine,
): Promise<SessionEnd> {
  const loaded = await load(options, settings, engine);
  let checkpoints: Checkpoints | null = null;
  const drain = () => link.requestDrain();
  // With nothing that a run could go on from, a worker that is told to end counts as lost at once.
  if (settings.checkpoint !== undefined && settings.checkpoint.place !== null) process.on('SIGTERM', drain);
  try {
    link.send({
      kind: 'ready',
      jobHash: loaded.jobHash,
      facts: facts(loaded),
      resume: loaded.resumed === null ? null : resumePoint(loaded.resumed),
      // PowerSGD has two reductions, each of its own lengths.
      bucketLengths: powerSgdRank(loaded.plan.wire) === null ? bucketLengths(loaded.trainer) : null,
      bucketFormats: bucketFormats(loaded.trainer),
      sparse: topKFraction(loaded.plan.wire) !== null,
    });
    checkpoints = openCheckpoints(loaded, link, () => null);
    const drained = await runGenerations(loaded, options, link, checkpoints);
    return { endedEarly: drained && checkpoints !== null };
  } finally {
    process.off('SIGTERM', drain);
    await checkpoints?.close();
    loaded.trainer.close();
    await loaded.loaders.close();
  }
}

/** Until one generation gets to the end of the run. Whether it ended early. */
async function runGenerations(
  loaded: Loaded,
  options: SessionOptions,
  link: Link,
  checkpoints: Checkpoints | null,
): Promise<boolean> {
  const { trainer, loaders, plan } = loaded;
  const progress = new Progress(loaded.resumed?.step ?? 0);
  const gate = epochGate(loaded, options, link);
  const { onNonFinite: policy } = loaded.job;
  const guard = new NonFiniteGuard({ policy, trainer, plan: plan.train, log: options.log });
  for (;;) {
    const generation = await link.nextGeneration(() => {
      link.board.enter('idle', progress.steps);
      return { steps: progress.steps, decisions: gate?.state.followed ?? 0 };
    });
    logExchange(options.log, generation);
    try {
      const tally = checkpoints?.tally ?? null;
      await catchUp({ trainer, link, generation, plan: plan.train, progress, guard, gate, tally });
      const validate = (steps: number) => evaluate(loaded, link, generation, 'validation', steps);
      const parts = { trainer, loaders, plan, link, generation, progress, guard, gate, checkpoints, validate };
      const steps = await trainGeneration(parts);
      await evaluate(loaded, link, generation, 'test', steps);
      const resumeFrom = generation.rank === 0 ? ((await checkpoints?.finish(steps)) ?? '') : '';
      await finish(loaded, options, link, generation, { steps, resumeFrom });
      await link.receive('stop');
      return progress.drained;
    } catch (error) {
      if (!(error instanceof GenerationOver)) throw error;
    }
  }
}

interface Loaded extends CheckpointedRun {
  readonly loaders: OpenLoaders;
  readonly job: Pick<Job, 'callbacks' | 'optimizer' | 'onNonFinite'>;
  readonly jobHash: string;
  /** For JobFacts. */
  readonly execution: string;
}

async function load(options: SessionOptions, settings: RunSettings, engine: Engine): Promise<Loaded> {
  const loadedJob = await loadJob(options.jobFile, options.jobPlace);
  const { model: _, data, callbacks, ...job } = loadedJob;
  const saved = options.checkpoint === undefined ? undefined : await openSavedWeights(options.checkpoint);
  const loaders = await openLoaders(data, { directory: options.dataDirectory, adapted: adaptedOf(saved?.metadata) });
  try {
    const { size, inputs, targets } = loaders.train;
    const plan = planRun(loadedJob, settings, size);
    const trainer = await engine.createTrainer({
      ...trainerOptions(loadedJob, plan, settings, loaders.train),
      onCompiled: logCompiled(options.log),
    });
    if (options.dumpGraph !== null) await dumpGraph(trainer, options.dumpGraph);
    await saved?.writeTo(trainer);
    const readers = await hashReaders(data);
    const jobHash = hashJob({
      jobFileHash: options.jobFileHash,
      topology: trainer.topology,
      initialWeightsSha256: weightsSha256(trainer.readWeights()),
      graphSha256: graphSha256(trainer),
      job,
      train: { inputs, targets },
      datasetSizes: loaders.sizes,
      datasets: { ...data },
      readers,
      adapted: loaders.adapted,
      plan,
    });
    const execution = executionText(loadedJob, settings);
    const hasValidation = loaders.validation !== undefined;
    const held = { hasValidation, callbacks: callbacks.length };
    checkCheckpoints({ settings, plan, trainer, ...held });
    const fingerprint = {
      readers: { train: readers['train'] ?? '' },
      adapted: loaders.adapted,
      specs: { inputs, targets },
    };
    const identity = runIdentity(loadedJob, plan, trainer, fingerprint, settings.bucketBytes);
    const environment = runEnvironment(engine.info, plan);
    const resumed = await openResume(settings.checkpoint, { identity, environment }, options.log);
    if (resumed !== null) applyResume(trainer, resumed);
    const { optimizer, onNonFinite } = job;
    return {
      ...{ trainer, loaders, plan, settings, jobHash, execution, job: { callbacks, optimizer, onNonFinite } },
      ...{ ...held, identity, environment, resumed },
    };
  } catch (error) {
    await loaders.close();
    throw error;
  }
}

function graphSha256({ inspection }: Trainer): string | null {
  if (inspection === undefined) return null;
  return createHash('sha256').update(encodeGraph(inspection, 'binary')).digest('hex');
}

function facts({ trainer, loaders, plan, settings, execution, job }: Loaded) {
  return {
    trainSamples: loaders.sizes.train,
    validationSamples: loaders.sizes.validation,
    testSamples: loaders.sizes.test,
    globalBatchSize: plan.train.globalBatchSize,
    accumulate: plan.train.accumulate ?? 1,
    epochs: plan.epochs,
    parameters: trainer.parameters,
    metrics: trainer.metrics,
    modelName: trainer.modelName,
    decidesEpochs: plan.totalSteps > 0 && job.callbacks.length > 0,
    ...(settings.checkpoint === undefined ? {} : { wantsEpochEnds: true }),
    irreplaceable: topKFraction(plan.wire) !== null || powerSgdRank(plan.wire) !== null,
    execution,
  };
}

function epochGate(
  { trainer, plan, job, loaders, jobHash }: Loaded,
  { out }: SessionOptions,
  link: Link,
): EpochGate | null {
  const { callbacks } = job;
  if (callbacks.length === 0) return null;
  const { learningRate } = job.optimizer;
  const { metrics } = trainer;
  const createRunner = (): CallbackRunner =>
    new CallbackRunner({
      ...{ callbacks, learningRate, metrics, out, epochs: plan.epochs },
      hasValidation: loaders.validation !== undefined,
      saveModel: async (directory) => {
        const weights = trainer.readWeights();
        const metadata = { jobHash, weightsSha256: weightsSha256(weights), ...savedAdaptations(loaders.adapted) };
        await saveModel(directory, { topology: trainer.topology, weights, metadata });
      },
    });
  return new EpochGate(link, trainer, createRunner);
}

async function evaluate(
  { trainer, loaders, plan }: Loaded,
  link: Link,
  generation: GenerationView,
  split: EvaluationShare['split'],
  step: number,
): Promise<void> {
  const loader = loaders[split];
  if (loader === undefined) return;
  const parts = { trainer, loader, link, plan: evaluationPlan(plan, loader.size), generation };
  for (const share of await evaluateReplicas(parts, split, step)) link.send({ kind: 'evaluated', share });
}

async function finish(
  { trainer, settings, jobHash, loaders }: Loaded,
  options: SessionOptions,
  link: Link,
  generation: GenerationView,
  { steps, resumeFrom }: { readonly steps: number; readonly resumeFrom: string },
): Promise<void> {
  link.throwIfStopped();
  link.board.enter('save', steps);
  const weights = trainer.readWeights();
  assertFiniteWeights(weights, steps);
  const sha256 = weightsSha256(weights);
  let checkpoint = options.checkpoint ?? '';
  if (generation.rank === 0 && settings.mode === 'train') {
    checkpoint = join(options.out, 'model');
    const metadata = { steps, jobHash, weightsSha256: sha256, ...savedAdaptations(loaders.adapted) };
    await saveModel(checkpoint, { topology: trainer.topology, weights, metadata });
  }
  link.board.enter('idle', steps);
  link.send({ kind: 'finished', steps, weightsSha256: sha256, checkpoint, resumeFrom });
}

/** A loss is computed before its step's update: the last update's result is seen here first. */
function assertFiniteWeights(weights: readonly NamedWeight[], steps: number): void {
  const broken = weights.find(({ values }) => !values.every(Number.isFinite));
  if (broken === undefined) return;
  throw new LockstepError(
    'engine/non-finite',
    `weight ${broken.name} holds values after ${steps} steps that are not finite: training diverged; nothing is saved. ` +
      'Lower the learning rate, or check the data for such values',
    { details: { weight: broken.name, steps } },
  );
}
