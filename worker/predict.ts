import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LockstepError } from '../shared/core/index.ts';
import type { Batch, DatasetDescription, Precision } from '../shared/job/index.ts';
import { type SamplingPlan, Schedule, stepsPerEpoch } from '../shared/sampling/index.ts';
import { BatchLoader } from './data/index.ts';
import { type EngineName, loadEngine, type Trainer } from './engine/index.ts';
import { openSavedWeights } from './models/index.ts';
import { adaptedOf, compiles, loadJob } from './session/index.ts';

export interface PredictOptions {
  readonly jobFile: string;
  readonly dataDirectory: string | undefined;
  readonly engine: EngineName;
  readonly threads: number;
  /** Runs each op as it comes instead of compiling; as the job says when null. */
  readonly eager: boolean | null;
  /** Directory of a saved model, or a file of weights. */
  readonly model: string;
  /** File of JSON lines; stdout when null. */
  readonly output: string | null;
  /** Samples from the start of the data set; all when null. */
  readonly count: number | null;
  readonly batchSize: number | null;
  /** The job's when null. */
  readonly precision: Precision | null;
}

/** One line of the output. `prediction` holds one flat list per model output, or the only one's values. */
interface PredictionLine {
  readonly index: number;
  readonly prediction: readonly number[] | readonly (readonly number[])[];
}

/**
 * Predicts the job's test data (its training data where it has no test data), in order, as JSON lines.
 * @throws LockstepError job/*, data/*, checkpoint/*, engine/*
 */
export async function runPredict(options: PredictOptions): Promise<void> {
  const engine = await loadEngine(options.engine, { threads: options.threads });
  const saved = await openSavedWeights(options.model);
  const job = await loadJob(options.jobFile);
  const dataset = firstSamples(job.data.test ?? job.data.train, options.count);
  const context = { directory: options.dataDirectory, adapted: adaptedOf(saved.metadata) };
  const loader = await BatchLoader.open({ dataset, context, prefetch: 2 });
  try {
    const samples = loader.size;
    const rows = Math.min(options.batchSize ?? job.batchSize, samples);
    const plan: SamplingPlan = { samples, globalBatchSize: rows, replicas: 1, seed: 0, shuffle: false };
    const trainer = await engine.createTrainer({
      buildModel: job.model,
      optimizer: job.optimizer,
      loss: job.loss,
      metrics: [],
      seed: job.seed,
      inputs: loader.inputs,
      targets: loader.targets,
      bucketBytes: Number.MAX_SAFE_INTEGER,
      rows: [rows],
      compile: compiles(job, options),
      precision: options.precision ?? job.precision,
    });
    try {
      await saved.writeTo(trainer);
      await writeLines(options.output, predictions(trainer, loader, plan));
    } finally {
      trainer.close();
    }
  } finally {
    await loader.close();
  }
}

function firstSamples(dataset: DatasetDescription, count: number | null): DatasetDescription {
  if (count === null) return dataset;
  return { ...dataset, transforms: [...dataset.transforms, { kind: 'slice', start: 0, end: count }] };
}

async function* predictions(trainer: Trainer, loader: BatchLoader, plan: SamplingPlan): AsyncGenerator<PredictionLine> {
  const steps = stepsPerEpoch(plan);
  const schedule = new Schedule(plan);
  loader.start({ plan, replicas: { start: 0, end: 1 }, firstStep: 0, endStep: steps });
  for (let step = 0; step < steps; step++) {
    const { batch } = await loader.next();
    const outputs = trainer.predict(batch);
    const { indices } = schedule.replicaBatch(step, 0);
    for (const [row, index] of indices.entries()) yield { index, prediction: rowOf(outputs, row, batch) };
    loader.recycle(batch);
  }
}

function rowOf(outputs: readonly Float32Array[], row: number, batch: Batch): PredictionLine['prediction'] {
  const rows = outputs.map((values) => {
    const width = values.length / batch.realRows;
    return [...values.subarray(row * width, (row + 1) * width)];
  });
  return rows.length === 1 ? (rows[0] as number[]) : rows;
}

async function* texts(lines: AsyncIterable<PredictionLine>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

/** A file appears under its name only when it is whole. */
async function writeLines(output: string | null, lines: AsyncIterable<PredictionLine>): Promise<void> {
  if (output === null) {
    try {
      await pipeline(Readable.from(texts(lines)), process.stdout, { end: false });
    } catch (error) {
      // Whoever reads has enough, as `| head` does.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    }
    return;
  }
  const draft = `${output}.${process.pid}.tmp`;
  const file = await open(draft, 'w').catch((cause: Error) => {
    throw new LockstepError('config/invalid', `--output ${output} cannot be written: ${cause.message}`, { cause });
  });
  try {
    for await (const text of texts(lines)) await file.write(text);
    await file.sync();
    await file.close();
    await rename(draft, output);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(draft, { force: true });
    throw error;
  }
}
