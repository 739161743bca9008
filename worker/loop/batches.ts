import { LockstepError, type Range } from '../../shared/core/index.ts';
import type { Batch, Dataset, TensorSpec } from '../../shared/job/index.ts';
import { epochOfStep, type SamplingPlan, samplesInStep, stepsPerEpoch } from '../../shared/sampling/index.ts';
import { BatchLoader, type LoaderContext } from '../data/index.ts';
import { tf } from '../engine/index.ts';

export interface BatchesOptions {
  /** Samples per step over all replicas. Default: the run's `--batch-size`, or 32. */
  readonly batchSize?: number;
  /** Passes over the data when all batches are asked for. Default 1. */
  readonly epochs?: number;
  /** A new order in every epoch, and random transforms. Default true. */
  readonly shuffle?: boolean;
}

/** One replica's part of a step. The last rows are padding where there are more of them than `samples`. */
export interface ReplicaPart {
  readonly replica: number;
  readonly samples: number;
  /** Rows are `batch.inputs[i].length / size of one sample`; arrays are good until the next step is asked for. */
  readonly batch: Batch;
  /** The samples without padding, as tensors that are the caller's: [samples, …]. */
  tensors(): { inputs: tf.Tensor[]; targets: tf.Tensor[] };
}

/** What this worker's replicas get in one step. */
export interface StepBatch {
  /** From 0, over all epochs. */
  readonly step: number;
  /** From 0. */
  readonly epoch: number;
  /** Over all replicas of the run. */
  readonly samples: number;
  readonly isLastOfEpoch: boolean;
  /** One for each hosted replica, in order. */
  readonly parts: readonly ReplicaPart[];
}

/** A data set cut in steps and replicas: each epoch has every sample exactly once, on one of the workers. */
export class Batches implements AsyncIterable<StepBatch> {
  /** In the data set. */
  readonly samples: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  readonly plan: SamplingPlan;
  readonly #loader: BatchLoader;
  readonly #hosted: Range;

  private constructor(loader: BatchLoader, plan: SamplingPlan, hosted: Range, epochs: number) {
    this.#loader = loader;
    this.#hosted = hosted;
    this.plan = plan;
    this.epochs = epochs;
    this.samples = plan.samples;
    this.batchSize = plan.globalBatchSize;
    this.stepsPerEpoch = stepsPerEpoch(plan);
    this.inputs = loader.inputs;
    this.targets = loader.targets;
  }

  /** @throws LockstepError config/invalid, data/… */
  static async open(
    dataset: Dataset,
    options: { batchSize: number; epochs: number; shuffle: boolean; seed: number; replicas: number; hosted: Range },
    context: LoaderContext,
  ): Promise<Batches> {
    const { batchSize: globalBatchSize, epochs, shuffle, seed, replicas, hosted } = options;
    checkBatch(globalBatchSize, epochs, replicas);
    const loader = await BatchLoader.open({ dataset: dataset.describe(), context, prefetch: 4 });
    return new Batches(loader, { samples: loader.size, globalBatchSize, replicas, seed, shuffle }, hosted, epochs);
  }

  /** All epochs, one after the other. */
  [Symbol.asyncIterator](): AsyncIterator<StepBatch> {
    return this.#steps(0, this.epochs * this.stepsPerEpoch);
  }

  /** One epoch, from 0. What was asked for before is over. */
  epoch(epoch: number): AsyncIterable<StepBatch> {
    const first = epoch * this.stepsPerEpoch;
    return { [Symbol.asyncIterator]: () => this.#steps(first, first + this.stepsPerEpoch) };
  }

  /** Ends the thread that reads the data; the session's end does so too. */
  close(): Promise<void> {
    return this.#loader.close();
  }

  async *#steps(firstStep: number, endStep: number): AsyncGenerator<StepBatch> {
    const { plan } = this;
    const replicas = this.#hosted;
    this.#loader.start({ plan, replicas, firstStep, endStep, isTraining: plan.shuffle });
    for (let step = firstStep; step < endStep; step++) {
      const parts: ReplicaPart[] = [];
      for (let replica = replicas.start; replica < replicas.end; replica++) {
        parts.push(this.#part(replica, (await this.#loader.next()).batch));
      }
      const { epoch, stepInEpoch } = epochOfStep(plan, step);
      const isLastOfEpoch = stepInEpoch === this.stepsPerEpoch - 1;
      yield { step, epoch, samples: samplesInStep(plan, step), isLastOfEpoch, parts };
      for (const { batch } of parts) this.#loader.recycle(batch);
    }
  }

  #part(replica: number, batch: Batch): ReplicaPart {
    const tensors = (specs: readonly TensorSpec[], all: Batch['inputs']): tf.Tensor[] =>
      specs.map(({ shape, dtype }, index) => {
        const size = shape.reduce((product, length) => product * length, 1);
        // A copy: a tensor may live in the array that it was made of.
        const values = all[index]?.slice(0, batch.realRows * size) ?? new Float32Array(0);
        return tf.tensor(values, [batch.realRows, ...shape], dtype);
      });
    return {
      replica,
      samples: batch.realRows,
      batch,
      tensors: () => ({ inputs: tensors(this.inputs, batch.inputs), targets: tensors(this.targets, batch.targets) }),
    };
  }
}

function checkBatch(batchSize: number, epochs: number, replicas: number): void {
  if (!Number.isSafeInteger(epochs) || epochs < 1) {
    throw new LockstepError('config/invalid', `batches: epochs must be a whole number of at least 1, got ${epochs}.`);
  }
  if (Number.isSafeInteger(batchSize) && batchSize >= replicas && batchSize % replicas === 0) return;
  throw new LockstepError(
    'config/invalid',
    `batches: batchSize ${batchSize} cannot be cut in ${replicas} equal parts, one per replica`,
  );
}
