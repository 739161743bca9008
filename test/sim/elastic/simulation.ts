import assert from 'node:assert/strict';
import {
  type Action,
  activeOf,
  createRunState,
  type Event,
  isOver,
  type RunState,
  reduce,
} from '../../../coordinator/membership/index.ts';
import { LockstepError } from '../../../shared/core/index.ts';
import { runId, settings } from '../../support/membership-run.ts';
import { planFaults } from './faults.ts';
import { Invariants, type Reference } from './invariants.ts';
import { jobOf } from './job.ts';
import type { Order } from './link-thread.ts';
import { Network } from './network.ts';
import { type Process, Scheduler, Stream } from './scheduler.ts';
import { SimulatedWorker, type WorkerWorld } from './worker.ts';

/** Rules to break, for the tests of the simulation itself. */
export interface Mutation {
  readonly reduce?: typeof reduce;
  readonly catchUp?: NonNullable<WorkerWorld['catchUp']>;
  readonly skipsSlowest?: boolean;
}

export interface SimulationOptions extends Mutation {
  readonly faults?: boolean;
  readonly workers?: number;
  readonly reference?: Reference;
}

const TICK_MS = 100;
const LIMIT_MS = 200_000;

/** A seeded elastic run: the real reducer and sessions, with simulated time, network, engine and processes. */
export class Simulation {
  readonly log: string[] = [];
  readonly scheduler: Scheduler;
  readonly coordinator: Process = { alive: true, frozenUntil: 0 };
  readonly network: Network;
  readonly invariants: Invariants;
  readonly job: ReturnType<typeof jobOf>;
  readonly workers: SimulatedWorker[] = [];
  /** Kinds of what was done to the run. */
  readonly faults = new Set<string>();
  state: RunState;
  readonly #options: SimulationOptions;
  readonly #down = new Map<number, Stream>();
  /** Places for workers. */
  readonly size: number;
  #restarts = 0;
  #violation: unknown;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.#options = options;
    this.job = jobOf(seed);
    this.scheduler = new Scheduler(seed);
    const { random } = this.scheduler;
    const { replicas } = this.job;
    this.size = options.workers ?? 1 + random.below(Math.min(5, replicas));
    const minWorkers = random.below(4) === 0 ? 1 + random.below(this.size) : 1;
    this.network = new Network(this.scheduler, replicas, options.skipsSlowest);
    this.invariants = new Invariants(replicas, options.reference ?? null);
    this.state = createRunState(
      {
        ...{ runId, settings: { ...settings, workers: this.size, replicas }, minWorkers, startWorkers: minWorkers },
        ...{ heartbeatTimeoutMs: 1000, joinTimeoutMs: 4000, stallTimeoutMs: 1500, stopGraceMs: 800 },
        returnTimeoutMs: 3000,
        refillPlaces: true,
      },
      0,
    );
  }

  async run(): Promise<void> {
    const { scheduler } = this;
    for (let index = 0; index < this.size; index++) {
      scheduler.after(scheduler.random.uniform(0, 300), null, () => this.spawn(`w${index}`));
    }
    this.#tick();
    if (this.#options.faults ?? true) planFaults(this);
    await scheduler.run(
      () => isOver(this.state.stage) && this.state.stage.exited,
      () => this.#check(),
    );
    this.#checkEnd();
  }

  /** A process is started; the id of one that lives is not given twice. */
  spawn(id: string): void {
    if (isOver(this.state.stage) || this.workers.some((worker) => worker.id === id && worker.alive)) return;
    const { scheduler, network, coordinator, job } = this;
    const { random } = scheduler;
    const link = this.workers.length + 1;
    this.#down.set(link, new Stream(scheduler, () => random.uniform(0, random.below(20) === 0 ? 200 : 10)));
    const { catchUp } = this.#options;
    const worker = new SimulatedWorker(id, link, {
      ...{ scheduler, network, coordinator, job },
      arrived: (from, event) => {
        if (!from.isCut) this.give(event);
      },
      applied: (by, step, state) =>
        this.#guard(() => this.invariants.applied(by, step, state, this.live().includes(by))),
      ended: (which, error) => this.#ended(which, error),
      ...(catchUp === undefined ? {} : { catchUp }),
    });
    this.workers.push(worker);
  }

  /** The process is gone at once; what it sent last may be lost. */
  kill(worker: SimulatedWorker, loses = this.scheduler.random.below(2) === 0): void {
    if (!worker.alive) return;
    worker.alive = false;
    worker.isCut = loses;
    this.network.died(worker);
    worker.sent.send(this.coordinator, () => this.give({ kind: 'linkClosed', link: worker.link, reason: '' }));
    this.#restart(worker.id);
  }

  note(text: string): void {
    this.log.push(`${this.scheduler.now.toFixed(0)} -- ${text}`);
  }

  give(event: Event): void {
    const before = this.state;
    const { state, actions, reason } = (this.#options.reduce ?? reduce)(before, event, this.scheduler.now);
    this.state = state;
    if (event.kind !== 'tick' && event.kind !== 'heartbeat') {
      const from = 'from' in event ? ` of ${this.workers[event.from.link - 1]?.id}/${event.from.link}` : '';
      this.log.push(`${this.scheduler.now.toFixed(0)} ${event.kind}${from} [${state.stage.kind}]: ${reason}`);
    }
    this.#guard(() => this.invariants.decided(before, state, actions));
    if (!isOver(before.stage) && state.stage.kind === 'failed') this.#guard(() => this.#checkFailure(before));
    for (const action of actions) this.#perform(action);
  }

  /** Workers of the generation that are connected, and live. */
  live(): SimulatedWorker[] {
    const members = activeOf(this.state.stage)?.members ?? [];
    return members.flatMap(({ link }) => {
      const worker = this.workers[link - 1];
      return worker?.alive && !worker.wasStopped && this.state.workers.get(link)?.open ? [worker] : [];
    });
  }

  #perform(action: Action): void {
    const tell = (links: readonly number[], order: Order) => {
      for (const link of links) this.#tell(link, (worker) => worker.receive(order));
    };
    switch (action.kind) {
      case 'sendWelcome':
        tell([action.link], { kind: 'welcome' });
        break;
      case 'sendRefused':
        tell([action.link], { kind: 'refused', error: action.error });
        break;
      case 'sendPause':
        tell(action.links, { kind: 'pause', generation: action.generation });
        break;
      case 'sendEpochEnd':
        tell([action.link], { kind: 'epochEnd', end: action.end });
        break;
      case 'sendDecision':
        tell(action.links, { kind: 'decision', decision: action.decision });
        break;
      case 'sendDrain':
        tell(action.links, { kind: 'drain' });
        break;
      case 'sendStop':
        tell(action.links, { kind: 'stop', error: action.error });
        break;
      case 'closeLink':
        this.#tell(action.link, (worker) => worker.cut());
        break;
      case 'startGeneration':
        this.#start(action);
        break;
      default:
        break;
    }
  }

  #start({ generation, members, startStep, catchUp }: Extract<Action, { kind: 'startGeneration' }>): void {
    const peers = members.map(({ workerId, rank, firstReplica, endReplica }) => ({
      ...{ workerId, rank, replicas: { start: firstReplica, end: endReplica } },
    }));
    const { donors, behind, fresh } = catchUp;
    const listed = members.map(({ workerId, link }) => `${workerId}/${link}`).join(' ');
    this.note(
      `generation ${generation} from step ${startStep}: ${listed}; ${JSON.stringify({ donors, behind, fresh })}`,
    );
    for (const [rank, { link }] of members.entries()) {
      const worker = this.workers[link - 1];
      if (worker !== undefined) worker.hasState = !fresh.includes(rank);
      const replicas = peers[rank]?.replicas ?? { start: 0, end: 0 };
      const view = { generation, rank, worldSize: members.length, replicas, startStep, ...catchUp };
      this.#tell(link, (to) => to.receive({ kind: 'start', view, members: peers }));
    }
  }

  #tell(link: number, run: (worker: SimulatedWorker) => void): void {
    const worker = this.workers[link - 1];
    if (worker !== undefined) this.#down.get(link)?.send(worker, () => run(worker));
  }

  #ended(worker: SimulatedWorker, error: unknown): void {
    if (!worker.alive) return;
    this.note(`${worker.id}/${worker.link} ends: ${error instanceof Error ? error.message : 'done'}`);
    const isExpected = error === null || (error instanceof LockstepError && (worker.wasStopped || worker.isBroken));
    if (!isExpected) this.#violation ??= error;
    this.kill(worker, false);
  }

  #restart(id: string): void {
    const { random } = this.scheduler;
    if (this.#restarts >= 8 || random.below(3) === 0) return;
    this.#restarts++;
    this.scheduler.after(random.uniform(50, 1200), null, () => this.spawn(id));
  }

  #tick(): void {
    this.scheduler.after(TICK_MS, this.coordinator, () => {
      this.give({ kind: 'tick' });
      this.#tick();
    });
  }

  /** What is found wrong inside a worker's own code ends the simulation, not the worker. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#violation ??= error;
    }
  }

  #check(): void {
    if (this.#violation !== undefined) throw this.#violation;
    this.invariants.together(this.live());
    assert.ok(this.scheduler.now < LIMIT_MS, `not over after ${LIMIT_MS} ms, in stage ${this.state.stage.kind}`);
  }

  /** The reason fits what happened; nobody who could go on is given up. */
  #checkFailure(before: RunState): void {
    const { stage } = this.state;
    if (stage.kind !== 'failed') return;
    const { code, message } = stage.error;
    const isGathering = before.stage.kind === 'gathering';
    if (code === 'run/worker-lost') {
      const committed = activeOf(before.stage)?.committedSteps ?? 0;
      const able = this.live().filter(({ hasState, progress }) => hasState && progress.steps >= committed - 1);
      const inRun = able.filter(({ link }) => this.state.workers.has(link));
      assert.deepEqual(
        inRun.map(({ id }) => id),
        [],
        `could go on, but: ${message}`,
      );
      return;
    }
    const fits =
      (code === 'run/waiting' && isGathering) ||
      (code === 'run/interrupted' && this.faults.has('drain')) ||
      (code === 'engine/failed' && this.faults.has('break')) ||
      (code === 'collective/timeout' && this.faults.has('links'));
    assert.ok(fits, `no such end was due: ${code}: ${message}`);
  }

  #checkEnd(): void {
    const { stage } = this.state;
    assert.ok(isOver(stage), `nothing happens any more, in stage ${stage.kind}`);
    if (stage.kind === 'failed') return;
    const { outcome } = stage;
    const { totalSteps } = this.job.plan;
    assert.equal(this.invariants.committed, outcome.steps, 'all steps were told of');
    if (outcome.drained) assert.ok(this.faults.size > 0, 'nobody asked for a drain');
    else assert.ok(outcome.steps === totalSteps || outcome.stopped !== null, 'all steps are done');
  }
}
