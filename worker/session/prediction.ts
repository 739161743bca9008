import { createHash } from 'node:crypto';
import type { RunSettings } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import type { DatasetDescription, Job, JobPlace } from '../../shared/job/index.ts';
import { ShardWriter } from '../../shared/predictions/index.ts';
import type { JobFacts } from '../../shared/run/index.ts';
import { type SamplingPlan, stepsPerEpoch } from '../../shared/sampling/index.ts';
import { BatchLoader } from '../data/index.ts';
import { type Engine, type Trainer, weightsSha256 } from '../engine/index.ts';
import { openSavedWeights } from '../models/index.ts';
import { canonicalJson } from './job-hash.ts';
import { loadJob } from './job-loader.ts';
import type { Link } from './link.ts';
import { adaptedOf } from './loaders.ts';
import type { GenerationView } from './protocol.ts';
import { compiles } from './run-plan.ts';

export interface PredictionOptions {
  readonly jobFile: string;
  readonly jobFileHash: string;
  readonly jobPlace: JobPlace | null;
  readonly dataDirectory: string | undefined;
  /** Directory that gets this worker's shard. */
  readonly out: string;
  /** A saved model, or a file of weights. */
  readonly checkpoint: string | undefined;
  /** Samples from the start of the data set; all when null. */
  readonly count: number | null;
}

/**
 * A worker's part in predicting the job's test data (its training data where it has no test data). Each batch is computed
 * whole by one worker, in as many rows as on one worker alone, so the bits don't depend on how many there are.
 * @throws LockstepError job/*, data/*, checkpoint/*, engine/*, run/interrupted
 */
export async function runPrediction(
  options: PredictionOptions,
  settings: RunSettings,
  link: Link,
  engine: Engine,
): Promise<void> {
  if (options.checkpoint === undefined) throw new LockstepError('config/invalid', 'a prediction needs --model');
  const job = await loadJob(options.jobFile, options.jobPlace);
  const saved = await openSavedWeights(options.checkpoint);
  const dataset = firstSamples(job.data.test ?? job.data.train, options.count);
  const context = { directory: options.dataDirectory, adapted: adaptedOf(saved.metadata) };
  const loader = await BatchLoader.open({ dataset, context, prefetch: 2 });
  let trainer: Trainer | undefined;
  try {
    const rows = Math.min(settings.globalBatchSize ?? job.batchSize, loader.size);
    trainer = await createPredictor(job, settings, engine, loader, rows);
    await saved.writeTo(trainer);
    const sha256 = weightsSha256(trainer.readWeights());
    const jobHash = createHash('sha256')
      .update(canonicalJson([options.jobFileHash, sha256, loader.size, rows, loader.adapted, trainer.topology]))
      .digest('hex');
    link.send({
      kind: 'ready',
      jobHash,
      facts: facts(trainer, rows * settings.replicas),
      bucketLengths: null,
      bucketFormats: [],
      sparse: false,
    });
    const { generation } = await link.receive('generation');
    await predictBatches({ trainer, loader, link, generation, rows, out: options.out });
    link.board.enter('idle', 0);
    link.send({ kind: 'finished', steps: 0, weightsSha256: sha256, checkpoint: options.checkpoint });
    await link.receive('stop');
  } finally {
    trainer?.close();
    await loader.close();
  }
}

function createPredictor(
  job: Job,
  settings: RunSettings,
  engine: Engine,
  { inputs, targets }: BatchLoader,
  rows: number,
): Promise<Trainer> {
  return engine.createTrainer({
    buildModel: job.model,
    optimizer: job.optimizer,
    loss: job.loss,
    metrics: [],
    seed: job.seed,
    inputs,
    targets,
    bucketBytes: Number.MAX_SAFE_INTEGER,
    rows: [rows],
    compile: compiles(job, settings),
    precision: settings.precision ?? job.precision,
  });
}

function firstSamples(dataset: DatasetDescription, count: number | null): DatasetDescription {
  if (count === null) return dataset;
  return { ...dataset, transforms: [...dataset.transforms, { kind: 'slice', start: 0, end: count }] };
}

function facts(trainer: Trainer, globalBatchSize: number): JobFacts {
  const { parameters, modelName } = trainer;
  const nothing = { trainSamples: 0, validationSamples: 0, testSamples: 0, epochs: 0, accumulate: 1, metrics: [] };
  return {
    ...nothing,
    parameters,
    modelName,
    globalBatchSize,
    decidesEpochs: false,
    irreplaceable: true,
    execution: '',
  };
}

interface Parts {
  readonly trainer: Trainer;
  readonly loader: BatchLoader;
  readonly link: Link;
  readonly generation: GenerationView;
  /** Of a batch. */
  readonly rows: number;
  readonly out: string;
}

/** Batch b is that of worker b mod worldSize: the shards are read in turns afterwards, which gives the order back. */
async function predictBatches({ trainer, loader, link, generation, rows, out }: Parts): Promise<void> {
  const { rank, worldSize } = generation;
  const samples = loader.size;
  const lanes = { samples, globalBatchSize: rows * worldSize, replicas: worldSize } as const;
  const plan: SamplingPlan = { ...lanes, seed: 0, shuffle: false };
  const endStep = stepsPerEpoch(plan);
  const shard = await ShardWriter.open(out, { rank, workers: worldSize, samples, batchSize: rows });
  try {
    loader.start({ plan, replicas: { start: rank, end: rank + 1 }, firstStep: 0, endStep });
    for (let step = 0; step < endStep; step++) {
      const { batch } = await loader.next();
      link.throwIfStopped();
      if (link.drainRequested)
        throw new LockstepError('run/interrupted', 'the prediction was ended before its last sample');
      link.board.enter('evaluate', 0);
      if (batch.realRows > 0) await shard.write(trainer.predict(batch));
      loader.recycle(batch);
    }
    await shard.finish(trainer.outputs);
  } finally {
    await shard.close();
  }
}
