import assert from 'node:assert/strict';
import { at, mix32 } from '../../../shared/core/index.ts';
import type { Batch } from '../../../shared/job/index.ts';
import type { SamplingPlan } from '../../../shared/sampling/index.ts';
import type { BatchLoader } from '../../../worker/data/index.ts';
import type { Contribution, Microstep, NamedWeight, Trainer, TrainerState } from '../../../worker/engine/index.ts';
import type { Process, Scheduler } from './scheduler.ts';

/** What the simulated loader gives in place of samples: whose and when they are. */
interface Place {
  readonly step: number;
  readonly replica: number;
}

const HALF = 0x1_0000;

/**
 * A trainer whose state is a hash chain: the state after step s follows from the one before it, the sum of all replicas'
 * gradients and the learning rate, and each gradient from the state, the step and the replica. Whatever is lost,
 * repeated, mixed up or told to a worker in a wrong state changes all that follows. Values are whole numbers below 2²⁴,
 * which float32 adds exactly.
 */
export class ChainTrainer {
  readonly layout = { gradientBuckets: [1], gradientShapes: [[[1]]], wire: 'float32' as const, statistics: 2 };
  readonly metricWidth = 1;
  /** Bits of the weights, then those of an optimizer's slot. */
  #weights = 1;
  #slot = 1;
  #rate = 1;
  readonly #applied: (step: number, state: string) => void;
  readonly #replaced: () => void;

  /** @param applied told each update @param replaced told that all of it came from elsewhere */
  constructor(applied: (step: number, state: string) => void, replaced: () => void) {
    this.#applied = applied;
    this.#replaced = replaced;
  }

  asTrainer(): Trainer {
    return this as unknown as Trainer;
  }

  get state(): string {
    return `${this.#weights.toString(16)}.${this.#slot.toString(16)}`;
  }

  *parts(batch: Batch, { step, replica }: Microstep): Iterable<Float32Array> {
    assert.deepEqual(batch as unknown as Place, { step, replica }, 'the loader gives the samples that are due');
    const gradient = mix32(mix32(this.#weights, step), replica);
    yield Float32Array.of(gradient % HALF);
    yield Float32Array.of((gradient >>> 16) % 1024, (gradient >>> 8) % 1024);
  }

  apply({ gradients }: Contribution, step: number): void {
    const gradient = at(at(gradients, 0), 0);
    this.#slot = mix32(mix32(this.#slot, gradient), this.#rate);
    this.#weights = mix32(mix32(this.#weights, this.#slot), step);
    this.#applied(step, this.state);
  }

  evaluate(batch: Batch) {
    const { replica } = batch as unknown as Place;
    const loss = mix32(this.#weights, 77 + replica);
    return { samples: 1, lossSum: loss % 1024, metricSums: [(loss >>> 16) % 1024] };
  }

  setLearningRate(rate: number): void {
    this.#rate = rate;
  }

  memory() {
    return { modelBytes: 0, valueBytes: 0 };
  }

  readWeights(): NamedWeight[] {
    return [{ name: 'w', shape: [2], trainable: true, values: halves(this.#weights) }];
  }

  writeWeights([weight]: readonly NamedWeight[]): void {
    this.#weights = whole(weight?.values);
    this.#slot = 1;
  }

  readState(): TrainerState {
    return { weights: this.readWeights(), slots: [{ name: 'w/slot', shape: [2], values: halves(this.#slot) }] };
  }

  writeState({ weights, slots }: TrainerState): void {
    this.#weights = whole(weights[0]?.values);
    this.#slot = whole(slots[0]?.values);
    this.#replaced();
  }
}

function halves(bits: number): Float32Array {
  return Float32Array.of(Math.floor(bits / HALF), bits % HALF);
}

function whole(values: Float32Array | undefined): number {
  return at(values ?? [], 0) * HALF + at(values ?? [], 1);
}

type Range = Parameters<BatchLoader['start']>[0];

/** Gives places of samples in the order of a loader: replica by replica, step by step, after some time. */
export class PlaceLoader {
  readonly size: number;
  readonly #scheduler: Scheduler;
  readonly #process: Process;
  readonly #delay: () => number;
  #range: Pick<Range, 'replicas' | 'firstStep' | 'endStep'> | undefined;
  #given = 0;

  constructor(size: number, scheduler: Scheduler, process: Process, delay: () => number) {
    this.size = size;
    this.#scheduler = scheduler;
    this.#process = process;
    this.#delay = delay;
  }

  asLoader(): BatchLoader {
    return this as unknown as BatchLoader;
  }

  start(range: { plan: SamplingPlan } & Range): void {
    this.#range = range;
    this.#given = 0;
  }

  async next(): Promise<{ replica: number; batch: Batch }> {
    const range = this.#range;
    assert.ok(range !== undefined, 'a loader is started first');
    const { replicas, firstStep, endStep } = range;
    const hosted = replicas.end - replicas.start;
    const index = this.#given++;
    const step = firstStep + Math.floor(index / hosted);
    const replica = replicas.start + (index % hosted);
    assert.ok(step < endStep, 'no more is taken than there is');
    await this.#scheduler.sleep(this.#delay(), this.#process);
    return { replica, batch: { step, replica } as unknown as Batch };
  }

  recycle(): void {}
}
