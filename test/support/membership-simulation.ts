import assert from 'node:assert/strict';
import {
  type Action,
  createRunState,
  type Event,
  isOver,
  type Member,
  type Phase,
  type RunState,
  reduce,
} from '../../coordinator/membership/index.ts';
import { LockstepError, RandomStream } from '../../shared/core/index.ts';
import { MembershipInvariants } from './membership-invariants.ts';
import { facts, identity, runId, settings, stepReport } from './membership-run.ts';

interface FakeWorker {
  readonly link: number;
  readonly id: string;
  member: Member | null;
  generation: number;
  step: number;
  phase: Phase;
  draining: boolean;
  /** Process gone, or stopped (SIGSTOP): it says nothing more. */
  gone: 'no' | 'dead' | 'stopped';
  done: boolean;
  /** The connection broke before a message: none after it arrives either. */
  cut: boolean;
  /** When a message sent earlier arrives: a stream keeps its order. */
  streamMs: number;
}

const HEARTBEAT_MS = 200;
const HEARTBEAT_TIMEOUT_MS = 1000;
const TICK_MS = 100;
/** A peer's silence is noticed a bit sooner than by the coordinator, so that its consequences come first. */
const PEER_TIMEOUT_MS = 700;
const LIMIT_MS = 60_000;

/** A seeded run of the reducer with fake workers, links that delay, and processes that die at any moment. */
export class Simulation {
  readonly log: string[] = [];
  readonly #invariants = new MembershipInvariants();
  readonly totalSteps: number;
  state: RunState;
  now = 0;
  /** Workers that a fault hit before they were done. */
  readonly culprits = new Set<string>();
  readonly #random: RandomStream;
  readonly #workers: FakeWorker[];
  readonly #faults: boolean;
  #queue: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  /** Steps in the order in which the coordinator committed them. */
  get committed(): readonly number[] {
    return this.#invariants.committed;
  }

  constructor(seed: number, options: { readonly faults?: boolean } = {}) {
    this.#random = new RandomStream(seed, 77);
    this.#faults = options.faults ?? true;
    const workers = 1 + this.#random.below(4);
    this.totalSteps = 1 + this.#random.below(20);
    const config = {
      ...{ runId, settings: { ...settings, mode: 'loop' as const, workers, replicas: 4, maxSteps: this.totalSteps } },
      ...{ heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS, joinTimeoutMs: 5000, stopGraceMs: 800, refillPlaces: true },
      ...{ minWorkers: 1, startWorkers: workers, stallTimeoutMs: 3000, returnTimeoutMs: 3000 },
    };
    this.state = createRunState(config, 0);
    this.#workers = Array.from({ length: workers }, (_, index) => ({
      ...{ link: index + 1, id: `w${index}`, member: null, generation: 0, step: 0, phase: 'starting' as const },
      ...{ draining: false, gone: 'no' as const, done: false, cut: false, streamMs: 0 },
    }));
  }

  run(): void {
    for (const worker of this.#workers) this.#at(this.#random.uniform(0, 500), () => this.#join(worker));
    this.#at(TICK_MS, () => this.#tick());
    if (this.#faults) this.#planFaults();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.now = next.at;
      assert.ok(this.now < LIMIT_MS, `not over after ${LIMIT_MS} ms, in stage ${this.state.stage.kind}`);
      next.run();
      const { stage } = this.state;
      if (isOver(stage) && stage.exited) return;
    }
  }

  #planFaults(): void {
    const moment = () => this.#random.uniform(0, 2500);
    const victim = () => this.#workers[this.#random.below(this.#workers.length)] as FakeWorker;
    const faults = [
      () => {},
      () => this.#at(moment(), () => this.#die(victim(), 'dead')),
      () => this.#at(moment(), () => this.#die(victim(), 'stopped')),
      () => this.#at(moment(), () => this.#fail(victim(), 'engine/failed')),
      () => this.#at(moment(), () => this.#drain()),
    ];
    for (let count = this.#random.below(3); count > 0; count--) faults[this.#random.below(faults.length)]?.();
    if (this.#random.below(8) === 0) {
      const first = moment();
      this.#at(first, () => this.#drain());
      this.#at(first + this.#random.uniform(0, 300), () => this.#drain());
    }
  }

  #at(at: number, run: () => void): void {
    this.#queue.push({ at, order: this.#order++, run });
  }

  #next() {
    this.#queue.sort((a, b) => b.at - a.at || b.order - a.order);
    return this.#queue.pop();
  }

  /** Through the worker's stream: in order, after a delay, sometimes twice; what a dead process sent may be lost. */
  #send(worker: FakeWorker, event: Event): void {
    if (worker.gone !== 'no') return;
    const slow = this.#random.below(20) === 0 ? 300 : 20;
    worker.streamMs = Math.max(worker.streamMs, this.now + this.#random.uniform(0, slow));
    const isLost = () => {
      worker.cut ||= worker.gone === 'dead' && !worker.done && this.#random.below(2) === 0;
      return worker.cut;
    };
    const copies = this.#faults && event.kind !== 'workerHello' && this.#random.below(25) === 0 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      this.#at(worker.streamMs, () => {
        if (!isLost()) this.#give(event);
      });
    }
  }

  #give(event: Event): void {
    const before = this.state;
    const { state, actions, reason } = reduce(before, event, this.now);
    this.state = state;
    if (event.kind !== 'tick') this.log.push(`${this.now.toFixed(0)} ${event.kind}: ${reason}`);
    this.#invariants.check(before, state, actions);
    for (const action of actions) this.#perform(action);
  }

  #perform(action: Action): void {
    const later = (link: number, run: (worker: FakeWorker) => void) => {
      const worker = this.#workers.find((candidate) => candidate.link === link);
      if (worker === undefined) return;
      this.#at(this.now + this.#random.uniform(0, 20), () => {
        if (worker.gone === 'no') run(worker);
      });
    };
    switch (action.kind) {
      case 'sendWelcome':
        later(action.link, (worker) => this.#load(worker));
        break;
      case 'startGeneration':
        for (const member of action.members) {
          later(member.link, (worker) => {
            worker.member = member;
            worker.generation = action.generation;
            this.#startStep(worker);
          });
        }
        break;
      case 'sendDrain':
        for (const link of action.links) {
          later(link, (worker) => {
            worker.draining = true;
          });
        }
        break;
      case 'sendStop':
        for (const link of action.links) later(link, (worker) => this.#die(worker, 'dead', false));
        break;
      default:
        break;
    }
  }

  #join(worker: FakeWorker): void {
    const where = { host: 'sim', pid: 100 + worker.link, peerAddress: worker.id, metricsAddress: '' };
    const from = { link: worker.link, runId: '', generation: 0 };
    this.#send(worker, { kind: 'workerHello', from, hello: { workerId: worker.id, ...where, identity } });
    this.#beat(worker);
  }

  #beat(worker: FakeWorker): void {
    if (worker.gone !== 'no') return;
    const bytes = { bytesSent: 0, bytesReceived: 0, deviceMemoryBytes: 0 };
    const beat = { step: worker.step, phase: worker.phase, phaseMs: 1, ...bytes };
    this.#send(worker, { kind: 'heartbeat', from: this.#from(worker), beat });
    this.#at(this.now + HEARTBEAT_MS, () => this.#beat(worker));
  }

  #load(worker: FakeWorker): void {
    this.#at(this.now + this.#random.uniform(10, 500), () => {
      const ready = { jobHash: 'same', facts: { ...facts, validationSamples: 0 } };
      this.#send(worker, { kind: 'workerReady', from: this.#from(worker), ...ready });
    });
  }

  #startStep(worker: FakeWorker): void {
    worker.phase = 'forward-backward';
    this.#at(this.now + this.#random.uniform(5, 120), () => {
      if (worker.gone !== 'no') return;
      worker.phase = 'reduce';
      this.#tryReduce(worker.step);
    });
  }

  /** Like the real reduction: nobody passes step s before everyone has contributed to it. */
  #tryReduce(step: number): void {
    const all = this.#workers;
    if (!all.every((worker) => worker.gone !== 'dead' && worker.step === step && worker.phase === 'reduce')) return;
    const last = step + 1 >= this.totalSteps || all.some((worker) => worker.draining);
    for (const worker of all) {
      if (worker.gone !== 'no') continue;
      worker.step = step + 1;
      worker.phase = 'apply';
      this.#send(worker, { kind: 'stepCommitted', from: this.#from(worker), report: stepReport(step, last) });
      if (last) this.#finish(worker);
      else this.#startStep(worker);
    }
  }

  #finish(worker: FakeWorker): void {
    worker.phase = 'save';
    this.#at(this.now + this.#random.uniform(1, 100), () => {
      worker.done = true;
      const finish = { steps: worker.step, weightsSha256: `sha-${worker.step}`, checkpoint: 'model' };
      this.#send(worker, { kind: 'workerFinished', from: this.#from(worker), ...finish });
    });
  }

  #die(worker: FakeWorker, how: 'dead' | 'stopped', isFault = true): void {
    if (worker.gone !== 'no') return;
    worker.gone = how;
    if (isFault && !worker.done) {
      this.culprits.add(worker.id);
      this.log.push(`${this.now.toFixed(0)} -- ${worker.id} is ${how} in ${worker.phase} of step ${worker.step}`);
      this.#hurtPeers(worker, how === 'dead' ? this.#random.uniform(0, 50) : PEER_TIMEOUT_MS);
    }
    if (how === 'stopped') return;
    const noticed = Math.max(worker.streamMs, this.now + this.#random.uniform(0, 60));
    this.#at(noticed, () => this.#give({ kind: 'linkClosed', link: worker.link, reason: '' }));
  }

  /** Peers in a reduction fail for want of the lost one, before or after the coordinator notices the loss. */
  #hurtPeers(lost: FakeWorker, afterMs: number): void {
    this.#at(this.now + afterMs, () => {
      for (const peer of this.#workers) {
        if (peer === lost || peer.done || peer.member === null) continue;
        if (this.#random.below(3) > 0) this.#fail(peer, 'collective/timeout');
      }
    });
  }

  #fail(worker: FakeWorker, code: 'collective/timeout' | 'engine/failed'): void {
    if (worker.gone !== 'no' || worker.done) return;
    const error = new LockstepError(code, `${worker.id} failed with ${code}`).toRecord();
    const { step, phase } = worker;
    this.#send(worker, { kind: 'workerFailed', from: this.#from(worker), error, step, phase });
    // What it sent before is delivered: a process that reports an error waits for its stream.
    worker.done = true;
    this.#at(worker.streamMs, () => this.#die(worker, 'dead', false));
    if (code === 'engine/failed') this.#hurtPeers(worker, this.#random.uniform(0, 50));
  }

  #drain(): void {
    this.#give({ kind: 'drainRequested', reason: 'Ctrl-C', exitCode: 130 });
  }

  #tick(): void {
    this.#give({ kind: 'tick' });
    this.#at(this.now + TICK_MS, () => this.#tick());
  }

  #from(worker: FakeWorker) {
    return { link: worker.link, runId, generation: worker.generation };
  }
}
