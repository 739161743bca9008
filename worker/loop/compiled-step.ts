import { at, LockstepError } from '../../shared/core/index.ts';
import {
  type Batch,
  type JobInput,
  type OptimizerConfig,
  type OptimizerName,
  readLosses,
  readMetrics,
  resolveOptimizer,
} from '../../shared/job/index.ts';
import { metricValues, scalarsOf } from '../../shared/metrics/index.ts';
import { loadModel, saveModel } from '../checkpoint/index.ts';
import {
  type Engine,
  type NamedWeight,
  type OwnFunction,
  type OwnStep,
  type OwnVariables,
  ownStepTrainer,
  type Trainer,
  type TrainerOptions,
  tf,
  weightsSha256,
} from '../engine/index.ts';
import { batchRows } from '../session/index.ts';
import type { Batches, StepBatch } from './batches.ts';
import { allGather, barrier } from './collectives.ts';
import type { Exchange } from './exchange.ts';

/** A step over variables of your own. */
export interface OwnStepDefinition {
  /** What is trained (and, not trainable, what a step may change): by name, or under their own names. */
  readonly variables: OwnVariables;
  /** Loss and metrics of each sample, over tf ops alone. */
  readonly step: OwnStep;
  readonly optimizer: OptimizerName | OptimizerConfig;
}

/** A step of a tfjs model, with the losses and metrics that a job may have. */
export interface ModelStepDefinition {
  readonly model: tf.LayersModel;
  readonly loss: JobInput<unknown, OwnFunction>['loss'];
  readonly metrics?: JobInput<unknown, OwnFunction>['metrics'];
  readonly optimizer: OptimizerName | OptimizerConfig;
}

export type StepDefinition = OwnStepDefinition | ModelStepDefinition;

/** Over the samples of all replicas: the mean `loss`, and the metrics of one number by name. */
export type StepMeans = { readonly loss: number; readonly samples: number } & Readonly<Record<string, number>>;

/** What all compiled steps of a session share. */
export interface StepContext {
  readonly engine: Engine;
  readonly exchange: Exchange;
  readonly seed: number;
  readonly bucketBytes: number;
  readonly compile: boolean;
  readonly precision: 'float32' | 'mixed_bfloat16';
}

/** Forward and backward passes, reduction and update in one: the engine's compiled step, for a loop of your own. */
export class CompiledStep {
  readonly #context: StepContext;
  readonly #trainer: Trainer;
  readonly #isOwn: boolean;
  readonly #rows: number;
  readonly #variables: readonly tf.Variable[];
  #steps = 0;

  private constructor(context: StepContext, trainer: Trainer, definition: StepDefinition, rows: number) {
    this.#context = context;
    this.#trainer = trainer;
    this.#rows = rows;
    this.#isOwn = 'step' in definition;
    this.#variables = 'step' in definition ? Object.values(definition.variables) : [];
  }

  /** @throws LockstepError job/invalid, job/mismatch where workers start from different weights, engine/… */
  static async create(context: StepContext, batches: Batches, definition: StepDefinition): Promise<CompiledStep> {
    const { engine, exchange, seed, bucketBytes, compile, precision } = context;
    const rows = batchRows(batches.plan);
    const trainer = await engine.createTrainer({
      ...network(batches, definition),
      optimizer: resolveOptimizer(definition.optimizer),
      ...{ seed, bucketBytes, rows, compile, precision, replicas: exchange.replicas },
    });
    const step = new CompiledStep(context, trainer, definition, at(rows, 0));
    await step.#checkSame();
    return step;
  }

  get parameters(): number {
    return this.#trainer.parameters;
  }

  /**
   * One update from a step's batch. All workers call it.
   * @throws LockstepError engine/non-finite, run/diverged; what ended the run
   */
  async train(batch: StepBatch): Promise<StepMeans> {
    const { exchange } = this.#context;
    const step = this.#steps++;
    const trainer = this.#trainer;
    const where = { step, replicas: exchange.replicas, globalSamples: batch.samples };
    if (exchange.replicas === 1 && trainer.trainWhole !== undefined) {
      exchange.agreeAlone();
      const part = at(batch.parts, 0);
      return this.#means(trainer.trainWhole(this.#batch(part.batch), { ...where, replica: 0 }), batch.samples);
    }
    const { gradientBuckets, statistics } = trainer.layout;
    const sums = await exchange.run('a compiled step', [...gradientBuckets, statistics], (send) => {
      for (const { replica, batch: own } of batch.parts) {
        let bucket = 0;
        for (const values of trainer.parts(this.#batch(own), { ...where, replica })) {
          send(replica, bucket++, values as Float32Array);
        }
      }
    });
    const reduced = { gradients: sums.slice(0, -1), statistics: at(sums, sums.length - 1) };
    trainer.apply(reduced, step);
    return this.#means(reduced.statistics, batch.samples);
  }

  /** Means over a data set, in inference; the same bits for any number of workers. All workers call it. */
  async evaluate(batches: Batches): Promise<StepMeans> {
    const shares: { replica: number; samples: number; sums: readonly number[] }[] = [];
    for await (const { parts } of batches.epoch(0)) {
      for (const { replica, batch } of parts) {
        if (batch.rows !== this.#rows) throw otherRows(batch.rows, this.#rows);
        const { samples, lossSum, metricSums } = this.#trainer.evaluate(this.#batch(batch));
        const share = shares.find((candidate) => candidate.replica === replica);
        const sums = [lossSum, ...metricSums];
        if (share === undefined) shares.push({ replica, samples, sums });
        else {
          share.samples += samples;
          share.sums = sums.map((sum, index) => sum + at(share.sums, index));
        }
      }
    }
    const all = (await allGather(this.#context.exchange, shares, 'evaluate')).flat();
    const ordered = all.sort((a, b) => a.replica - b.replica);
    const samples = ordered.reduce((sum, share) => sum + share.samples, 0);
    const totals = new Array<number>(1 + this.#trainer.metricWidth).fill(0);
    for (const { sums } of ordered) for (const [index, sum] of sums.entries()) totals[index] = at(totals, index) + sum;
    return this.#means(totals, samples);
  }

  /** From the next step on. */
  setLearningRate(rate: number): void {
    this.#trainer.setLearningRate(rate);
  }

  readWeights(): NamedWeight[] {
    return this.#trainer.readWeights();
  }

  /** Writes the trained values into your own variables: while they train, they live in the compiled step. */
  syncVariables(): void {
    for (const [index, { shape, values }] of this.readWeights().entries()) {
      const variable = this.#ordered()[index];
      if (variable === undefined) continue;
      const tensor = tf.tensor(values, [...shape]);
      variable.assign(tensor);
      tensor.dispose();
    }
  }

  /** Saves the weights, whole or not at all: rank 0 writes, and all return when it is done. @throws LockstepError checkpoint/write */
  async save(directory: string): Promise<void> {
    if (this.#context.exchange.generation.rank === 0) {
      const weights = this.readWeights();
      const metadata = { steps: this.#steps, weightsSha256: weightsSha256(weights) };
      await saveModel(directory, { topology: this.#trainer.topology, weights, metadata });
    }
    await barrier(this.#context.exchange, `save to ${directory}`);
  }

  /** Goes on from saved weights. The optimizer starts anew. @throws LockstepError checkpoint/… */
  async load(directory: string): Promise<void> {
    const { weights } = await loadModel(directory);
    this.#trainer.writeWeights(weights);
    await this.#checkSame();
  }

  close(): void {
    this.#trainer.close();
  }

  /** Trainable variables come first in the model that they are. */
  #ordered(): readonly tf.Variable[] {
    const trainable = this.#variables.filter((variable) => variable.trainable);
    return [...trainable, ...this.#variables.filter((variable) => !variable.trainable)];
  }

  #batch(batch: Batch): Batch {
    if (!this.#isOwn) return batch;
    return { ...batch, inputs: [...batch.inputs, ...batch.targets], targets: [batch.weights] };
  }

  /** @param sums of the loss, then of the metrics; more may follow */
  #means(sums: ArrayLike<number>, samples: number): StepMeans {
    const { metrics, metricWidth } = this.#trainer;
    const [loss = 0, ...metricSums] = Array.from(sums).slice(0, 1 + metricWidth);
    return { loss: loss / samples, ...scalarsOf(metricValues(metrics, metricSums, samples)), samples };
  }

  async #checkSame(): Promise<void> {
    const { exchange } = this.#context;
    const all = await allGather(exchange, weightsSha256(this.readWeights()), 'compile');
    const other = all.findIndex((sha256) => sha256 !== all[0]);
    if (other < 0) return;
    throw new LockstepError(
      'job/mismatch',
      `the variables of rank ${other} start from other values (sha256 ${all[other]?.slice(0, 12)}…) than those of rank 0 ` +
        `(${all[0]?.slice(0, 12)}…): make them of numbers that are the same on all workers. Math.random and tf's random ` +
        'ops are, as long as all workers draw the same number of times',
    );
  }
}

function network(
  batches: Batches,
  definition: StepDefinition,
): Pick<TrainerOptions, 'buildModel' | 'loss' | 'metrics' | 'inputs' | 'targets'> {
  const { inputs, targets } = batches;
  if ('step' in definition) return ownStepTrainer({ ...definition, inputs, targets });
  const { model, loss, metrics = [] } = definition;
  const measured = { loss: readLosses(loss), metrics: readMetrics('metrics', metrics) };
  return { buildModel: () => model, ...measured, inputs, targets };
}

function otherRows(rows: number, own: number): LockstepError {
  return new LockstepError(
    'job/invalid',
    `evaluate: batches have ${rows} rows for each replica, but the step was compiled for ${own}; give both the same batchSize`,
  );
}
