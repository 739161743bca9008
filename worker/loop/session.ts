import { resolve } from 'node:path';
import type { RunSettings } from '../../shared/config/index.ts';
import { LockstepError, nearest } from '../../shared/core/index.ts';
import type { Dataset } from '../../shared/job/index.ts';
import type { MetricDefinition } from '../../shared/metrics/index.ts';
import type { Engine } from '../engine/index.ts';
import { weightsSha256 } from '../engine/index.ts';
import type { GenerationView, Link } from '../session/index.ts';
import { Batches, type BatchesOptions } from './batches.ts';
import { allGather, allReduce, barrier, broadcast, type PerReplica } from './collectives.ts';
import { CompiledStep, type StepDefinition } from './compiled-step.ts';
import { Exchange } from './exchange.ts';
import type { Summands } from './summands.ts';

export interface SessionParts {
  readonly link: Link;
  readonly engine: Engine;
  readonly settings: RunSettings;
  readonly generation: GenerationView;
  readonly dataDirectory: string | undefined;
  readonly out: string;
  /** As progress shall call the program. */
  readonly name: string;
}

/** Keras's default batch size. */
const DEFAULT_BATCH_SIZE = 32;

/** A program's part in a run of several workers. What it says "all workers call" must be called by all, in one order. */
export class Session {
  readonly rank: number;
  readonly worldSize: number;
  /** Of the run: a batch is cut in so many parts, and the result depends on them alone. */
  readonly replicas: number;
  /** The replicas that this worker hosts: [start, end). */
  readonly hosted: { readonly start: number; readonly end: number };
  readonly seed: number;
  /** Directory for results. */
  readonly out: string;
  readonly #parts: SessionParts;
  readonly #exchange: Exchange;
  readonly #batches: Batches[] = [];
  readonly #steps: CompiledStep[] = [];
  #checkpoint = '';
  #reports = 0;
  #names: readonly string[] | undefined;
  #reportedMs = performance.now();
  #waitedSeconds = 0;

  constructor(parts: SessionParts) {
    const { generation, settings } = parts;
    this.#parts = parts;
    this.rank = generation.rank;
    this.worldSize = generation.worldSize;
    this.replicas = settings.replicas;
    this.hosted = generation.replicas;
    this.seed = settings.seed ?? 0;
    this.out = parts.out;
    this.#exchange = new Exchange(parts.link, generation, settings.replicas);
  }

  /**
   * Whether somebody asked the run to end early (Ctrl-C, SIGTERM). It changes with a call that all workers make, so it
   * is the same on all of them: leave the loop, save, and let the program end.
   */
  get shouldStop(): boolean {
    return this.#exchange.drains;
  }

  /**
   * The sum over all replicas of what `given` gives for each of them, added along one tree over the replicas: the same
   * bits on every worker, and with any number of workers. A value in place of a function is one for each worker: the
   * same bits on every worker, but other contributions where there is another number of workers. In float32. All
   * workers call it, with the same shapes.
   * @throws LockstepError job/invalid, run/diverged, collective/…
   */
  allReduce<Form extends Summands>(given: Form | PerReplica<Form>): Promise<Form> {
    return allReduce(this.#exchange, given);
  }

  /** The value of the worker of rank `root`: anything but functions, tensors too. All workers call it. */
  broadcast<Value>(value: Value, root = 0): Promise<Value> {
    return broadcast(this.#exchange, value, root);
  }

  /** Every worker's value, by rank. All workers call it. */
  allGather<Value>(value: Value): Promise<Value[]> {
    return allGather(this.#exchange, value);
  }

  /** Returns when all workers called it. */
  barrier(): Promise<void> {
    return barrier(this.#exchange);
  }

  /**
   * Opens a data set, cut in steps and replicas.
   * @throws LockstepError config/invalid for a batch size that the replicas don't divide; data/…
   */
  async batches(dataset: Dataset, options: BatchesOptions = {}): Promise<Batches> {
    const { settings, dataDirectory: directory } = this.#parts;
    const { batchSize = settings.globalBatchSize ?? DEFAULT_BATCH_SIZE, epochs = 1, shuffle = true } = options;
    const { seed, replicas, hosted } = this;
    const batches = await Batches.open(dataset, { batchSize, epochs, shuffle, seed, replicas, hosted }, { directory });
    this.#batches.push(batches);
    return batches;
  }

  /**
   * A compiled training step for batches of `batches`: forward and backward passes, reduction, update. All workers call it.
   * @throws LockstepError job/invalid, job/mismatch, engine/…
   */
  async compile(batches: Batches, definition: StepDefinition): Promise<CompiledStep> {
    const { engine, settings } = this.#parts;
    const { bucketBytes, eager, precision } = settings;
    const how = { bucketBytes, compile: eager !== true, precision: precision ?? 'float32' } as const;
    const context = { engine, exchange: this.#exchange, seed: this.seed, ...how };
    const step = await CompiledStep.create(context, batches, definition);
    this.#steps.push(step);
    // What a step takes is told from here on.
    this.#reportedMs = performance.now();
    return step;
  }

  /**
   * Tells progress, metrics and the status page of a step: `loss` and what else is measured, as means over `samples`.
   * Names are those of the first report. All workers may call it; rank 0's counts.
   * @throws LockstepError job/invalid, engine/non-finite
   */
  report(values: Readonly<Record<string, number>>): void {
    const { link } = this.#parts;
    link.throwIfStopped();
    const { loss, samples = 1, ...metrics } = values;
    this.#checkReport(loss, metrics);
    if (this.#names === undefined) this.#plan(Object.keys(metrics));
    const names = this.#names ?? [];
    const seconds = (performance.now() - this.#reportedMs) / 1000;
    const reduceSeconds = this.#exchange.waitedSeconds - this.#waitedSeconds;
    const step = this.#reports++;
    link.send({
      kind: 'committed',
      report: {
        ...{ step, samples, lossSum: (loss ?? 0) * samples, skipped: false, last: false },
        metricSums: names.map((name) => (metrics[name] ?? Number.NaN) * samples),
        ...{ dataSeconds: 0, applySeconds: 0, reduceSeconds, stepSeconds: seconds },
        forwardBackwardSeconds: Math.max(0, seconds - reduceSeconds),
      },
    });
    link.board.enter('forward-backward', this.#reports);
    this.#reportedMs = performance.now();
    this.#waitedSeconds = this.#exchange.waitedSeconds;
  }

  /**
   * Saves a compiled step's weights, `model` under the run's directory if not said otherwise. All workers call it.
   * @throws LockstepError checkpoint/write
   */
  async save(step: CompiledStep, directory = 'model'): Promise<void> {
    const path = resolve(this.out, directory);
    await step.save(path);
    this.#checkpoint = path;
  }

  /** The end of the program: all workers agree on it. */
  async finish(): Promise<void> {
    const { link } = this.#parts;
    await barrier(this.#exchange, 'the end of the program');
    const steps = await broadcast(this.#exchange, this.#reports, 0);
    const sha256 = weightsSha256(this.#steps.flatMap((step) => step.readWeights()));
    link.board.enter('idle', steps);
    link.send({ kind: 'finished', steps, weightsSha256: sha256, checkpoint: this.#checkpoint });
    await link.receive('stop');
  }

  /** Gives threads and device memory back. */
  async close(): Promise<void> {
    for (const step of this.#steps) step.close();
    await Promise.all(this.#batches.map((batches) => batches.close()));
  }

  #checkReport(loss: number | undefined, metrics: Readonly<Record<string, number>>): void {
    if (typeof loss !== 'number') {
      throw new LockstepError('job/invalid', `report: loss must be a number, got ${String(loss)}.`);
    }
    if (!Number.isFinite(loss)) {
      throw new LockstepError(
        'engine/non-finite',
        `the loss of step ${this.#reports} that the loop reports is ${loss}`,
      );
    }
    const names = this.#names;
    const unknown = names && Object.keys(metrics).find((name) => !names.includes(name));
    if (names === undefined || unknown === undefined) return;
    const close = nearest(unknown, names);
    const hint = close === undefined ? '' : ` Did you mean ${close}?`;
    throw new LockstepError(
      'job/invalid',
      `report: the first report had ${['loss', ...names].join(', ')}, and not ${unknown}.${hint}`,
    );
  }

  /** Once it is known what is measured: progress counts by the first data set that was opened. */
  #plan(names: readonly string[]): void {
    this.#names = names;
    const batches = this.#batches[0];
    if (this.rank !== 0) return;
    this.#parts.link.send({
      kind: 'planned',
      facts: {
        ...loopFacts(this.#parts.name, batches?.batchSize ?? this.replicas),
        trainSamples: batches?.samples ?? 0,
        epochs: batches?.epochs ?? 0,
        parameters: this.#steps.reduce((sum, step) => sum + step.parameters, 0),
        metrics: names.map(meanOf),
      },
    });
  }
}

function meanOf(name: string): MetricDefinition {
  return { name, config: { kind: 'mean' }, width: 1, classes: 1, weighted: false };
}

/** What is known of a loop before it runs. */
export function loopFacts(name: string, globalBatchSize: number) {
  return {
    ...{
      trainSamples: 0,
      validationSamples: 0,
      testSamples: 0,
      globalBatchSize,
      accumulate: 1,
      epochs: 0,
      parameters: 0,
    },
    ...{
      metrics: [] as readonly MetricDefinition[],
      modelName: name,
      decidesEpochs: false,
      irreplaceable: true,
      execution: '',
    },
  };
}
