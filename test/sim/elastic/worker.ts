import type { Event } from '../../../coordinator/membership/index.ts';
import { LockstepError } from '../../../shared/core/index.ts';
import type { Callback } from '../../../shared/job/index.ts';
import type { JobFacts } from '../../../shared/run/index.ts';
import { CallbackRunner } from '../../../worker/session/callback-runner.ts';
import { catchUp, Progress } from '../../../worker/session/catch-up.ts';
import { EpochGate } from '../../../worker/session/epoch-gate.ts';
import { evaluateReplicas } from '../../../worker/session/evaluation.ts';
import { GenerationOver, Link } from '../../../worker/session/link.ts';
import { NonFiniteGuard } from '../../../worker/session/non-finite.ts';
import type { GenerationView } from '../../../worker/session/protocol.ts';
import { evaluationPlan, type RunPlan } from '../../../worker/session/run-plan.ts';
import { trainGeneration } from '../../../worker/session/training.ts';
import { type Order, SimulatedLinkThread } from './link-thread.ts';
import type { Network } from './network.ts';
import { type Process, type Scheduler, Stream } from './scheduler.ts';
import { ChainTrainer, PlaceLoader } from './trainer.ts';

export interface SimulatedJob {
  readonly plan: RunPlan;
  readonly facts: JobFacts;
  /** Fresh ones for each worker; null in a job without. */
  readonly callbacks: (() => readonly Callback[]) | null;
  /** Longest time for one replica's batch. */
  readonly batchMs: number;
}

export interface WorkerWorld {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly coordinator: Process;
  readonly job: SimulatedJob;
  /** The worker's message arrives at the coordinator. */
  readonly arrived: (worker: SimulatedWorker, event: Event) => void;
  readonly applied: (worker: SimulatedWorker, step: number, state: string) => void;
  /** The process ended by itself; with an error of its own if it was not told to. */
  readonly ended: (worker: SimulatedWorker, error: unknown) => void;
  /** In place of the rules of the session, in tests that break them. */
  readonly catchUp?: typeof catchUp;
}

/** A worker process: the real session around a trainer whose state tells what it went through. */
export class SimulatedWorker implements Process {
  alive = true;
  frozenUntil = 0;
  readonly id: string;
  readonly link: number;
  readonly trainer: ChainTrainer;
  readonly progress = new Progress(0);
  /** False from when it is told to take the others' state until it has. */
  hasState = true;
  readonly #guard: NonFiniteGuard;
  /** The generation that its main thread is in. */
  generation = 0;
  /** Fails by itself in its next batch. */
  isBroken = false;
  /** How long its next batch takes, while its heartbeats go on. */
  stallMs = 0;
  /** It was told to end with an error. */
  wasStopped = false;
  /** What it sent last never arrives. */
  isCut = false;
  readonly #world: WorkerWorld;
  readonly #thread: { current: SimulatedLinkThread | undefined } = { current: undefined };
  readonly #main: Link;
  readonly #up: Stream;

  constructor(id: string, link: number, world: WorkerWorld) {
    this.id = id;
    this.link = link;
    this.#world = world;
    const { scheduler, network } = world;
    const { random } = scheduler;
    this.#up = new Stream(scheduler, () => random.uniform(0, random.below(20) === 0 ? 250 : 15));
    this.trainer = new ChainTrainer(
      (step, state) => world.applied(this, step, state),
      () => {
        this.hasState = true;
      },
    );
    const guarded = { trainer: this.trainer.asTrainer(), plan: world.job.plan.train };
    this.#guard = new NonFiniteGuard({ policy: 'stop', ...guarded, log: {} as never });
    this.#main = new Link({} as never, ({ board }) => {
      const send = (event: Event) => this.#send(event);
      this.#thread.current = new SimulatedLinkThread({
        ...{ scheduler, network, process: this, workerId: id, link, board, send },
      });
      return this.#thread.current;
    });
    this.#thread.current?.start();
    this.#run().then(
      () => world.ended(this, null),
      (error: unknown) => this.#failed(error),
    );
  }

  /** The way to the coordinator: what is sent through it arrives behind what the worker sent. */
  get sent(): Stream {
    return this.#up;
  }

  receive(order: Order): void {
    this.wasStopped ||= order.kind === 'refused' || (order.kind === 'stop' && order.error !== null);
    this.#thread.current?.receive(order);
  }

  cut(): void {
    this.wasStopped = true;
    this.#thread.current?.cut();
  }

  /** As by SIGTERM: it asks the others to end with it. */
  requestDrain(): void {
    this.#main.requestDrain();
  }

  #send(event: Event): void {
    this.#up.send(this.#world.coordinator, () => this.#world.arrived(this, event));
  }

  async #run(): Promise<void> {
    const { scheduler, job } = this.#world;
    const link = this.#main;
    await link.receive('welcome');
    await scheduler.sleep(scheduler.random.uniform(5, 300), this);
    const ready = { jobHash: 'job', facts: job.facts, bucketLengths: [1, 3], sparse: false };
    link.send({ kind: 'ready', ...ready, bucketFormats: ['float32', 'float32'] });
    const gate = this.#gate();
    for (;;) {
      const generation = await link.nextGeneration(() => {
        link.board.enter('idle', this.progress.steps);
        return { steps: this.progress.steps, decisions: gate?.state.followed ?? 0 };
      });
      this.generation = generation.generation;
      try {
        await this.#generation(generation, gate);
        return;
      } catch (error) {
        if (!(error instanceof GenerationOver)) throw error;
      }
    }
  }

  async #generation(generation: GenerationView, gate: EpochGate | null): Promise<void> {
    const { scheduler, job } = this.#world;
    const { plan, facts } = job;
    const link = this.#main;
    const { progress } = this;
    const guard = this.#guard;
    const trainer = this.trainer.asTrainer();
    const { random } = scheduler;
    const loader = (size: number) => new PlaceLoader(size, scheduler, this, () => this.#batchMs(random.next()));
    const train = loader(facts.trainSamples).asLoader();
    const loaders = { train, validation: undefined, test: undefined } as never;
    const level = this.#world.catchUp ?? catchUp;
    await level({ trainer, link, generation, plan: plan.train, progress, guard, gate, tally: null });
    const validate = async (step: number) => {
      const size = facts.validationSamples;
      if (size === 0) return;
      const parts = { trainer, loader: loader(size).asLoader(), link, plan: evaluationPlan(plan, size), generation };
      for (const share of await evaluateReplicas(parts, 'validation', step)) link.send({ kind: 'evaluated', share });
    };
    const session = { trainer, loaders, plan, link, generation, progress, guard, gate };
    const parts = { ...session, checkpoints: null, validate };
    const steps = await trainGeneration(parts);
    link.board.enter('save', steps);
    await scheduler.sleep(random.uniform(1, 60), this);
    link.throwIfStopped();
    link.send({ kind: 'finished', steps, weightsSha256: this.trainer.state, checkpoint: '' });
    await link.receive('stop');
  }

  #batchMs(share: number): number {
    if (this.isBroken) throw new LockstepError('engine/failed', `${this.id} broke`);
    const stallMs = this.stallMs;
    this.stallMs = 0;
    return 1 + share * this.#world.job.batchMs + stallMs;
  }

  #gate(): EpochGate | null {
    const { callbacks, plan, facts } = this.#world.job;
    if (callbacks === null) return null;
    const { metrics, validationSamples } = facts;
    const rest = { out: '', epochs: plan.epochs, hasValidation: validationSamples > 0, saveModel: async () => {} };
    return new EpochGate(
      this.#main,
      this.trainer.asTrainer(),
      () => new CallbackRunner({ callbacks: callbacks(), learningRate: 1, metrics, ...rest }),
    );
  }

  /** As main.ts does: tells of its own failure before it ends. */
  #failed(error: unknown): void {
    const isOwn = error instanceof LockstepError && error.code === 'engine/failed';
    if (isOwn) this.#main.send({ kind: 'failed', error: error.toRecord() });
    const { scheduler } = this.#world;
    scheduler.after(isOwn ? 40 : 0, this, () => this.#world.ended(this, error));
  }
}
