import { type Event, type Hello, phases } from '../../../coordinator/membership/index.ts';
import { type ErrorRecord, LockstepError } from '../../../shared/core/index.ts';
import type { LinkThread } from '../../../worker/session/link.ts';
import { ProgressBoard } from '../../../worker/session/progress-board.ts';
import type { GenerationView, LinkToMain, MainToLink } from '../../../worker/session/protocol.ts';
import { identity, runId, settings } from '../../support/membership-run.ts';
import type { Endpoint, Network, PeerMember } from './network.ts';
import { type Process, type Scheduler, Stream } from './scheduler.ts';

/** What the coordinator tells a worker. */
export type Order =
  | { readonly kind: 'welcome' }
  | { readonly kind: 'refused'; readonly error: ErrorRecord }
  | { readonly kind: 'pause'; readonly generation: number }
  | { readonly kind: 'start'; readonly view: Omit<GenerationView, 'exchange'>; readonly members: readonly PeerMember[] }
  | { readonly kind: 'stop'; readonly error: ErrorRecord | null }
  | Extract<LinkToMain, { kind: 'epochEnd' | 'decision' | 'drain' }>;

export interface LinkThreadParts {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly process: Process;
  readonly workerId: string;
  readonly link: number;
  readonly board: SharedArrayBuffer;
  /** Through the worker's stream to the coordinator. */
  readonly send: (event: Event) => void;
}

const HEARTBEAT_MS = 200;

/** The link thread of a simulated worker: the rules of LinkSession, with the simulation's network in place of gRPC. */
export class SimulatedLinkThread implements LinkThread {
  readonly #parts: LinkThreadParts;
  readonly #board: ProgressBoard;
  readonly #toMain: Stream;
  readonly #fromMain: Stream;
  #listener: (message: LinkToMain) => void = () => {};
  #endpoint: Endpoint | undefined;
  #generation = 0;
  #isKnown = false;
  #stopped = false;

  constructor(parts: LinkThreadParts) {
    this.#parts = parts;
    this.#board = new ProgressBoard(parts.board);
    const { scheduler } = parts;
    const delay = () => scheduler.random.uniform(0, scheduler.random.below(20) === 0 ? 30 : 1);
    this.#toMain = new Stream(scheduler, delay);
    this.#fromMain = new Stream(scheduler, delay);
  }

  start(): void {
    const { link, workerId } = this.#parts;
    const where = { host: 'sim', pid: 100 + link, peerAddress: workerId, metricsAddress: '' };
    const hello: Hello = { workerId, ...where, identity };
    this.#parts.send({ kind: 'workerHello', from: this.#from(), hello });
  }

  on(event: string, listener: (message: never) => void): void {
    if (event === 'message') this.#listener = listener as (message: LinkToMain) => void;
  }

  async terminate(): Promise<void> {}

  postMessage(message: MainToLink): void {
    this.#fromMain.send(this.#parts.process, () => this.#obey(message));
  }

  /** The connection is closed from the other end. */
  cut(): void {
    const text = `worker ${this.#parts.workerId} lost the coordinator`;
    this.#stop(new LockstepError('run/coordinator-lost', text).toRecord());
  }

  receive(order: Order): void {
    switch (order.kind) {
      case 'welcome':
        this.#isKnown = true;
        this.#beat();
        this.#tell({ kind: 'welcome', settings, workerId: this.#parts.workerId });
        break;
      case 'refused':
        this.#stop(order.error);
        break;
      case 'pause':
        this.#leave();
        this.#tell(order);
        break;
      case 'start':
        this.#start(order);
        break;
      case 'stop':
        this.#stop(order.error);
        break;
      default:
        this.#tell(order);
    }
  }

  #start({ view, members }: Extract<Order, { kind: 'start' }>): void {
    const { network, process } = this.#parts;
    this.#leave();
    this.#generation = view.generation;
    const exchange = { algorithm: null, costs: null, predictions: [] };
    this.#endpoint = network.enter(view.generation, members, view.rank, process, {
      ready: () => this.#tell({ kind: 'generation', generation: { ...view, exchange } }),
      reduced: (step, buckets) => this.#tell({ kind: 'reduced', step, buckets }),
      taken: (entries) => this.#tell({ kind: 'taken', entries }),
      failed: (error) => {
        if (!this.#stopped) this.#parts.send({ kind: 'peerFault', from: this.#from(), error: error.toRecord() });
      },
    });
  }

  #leave(): void {
    this.#endpoint?.leave();
    this.#endpoint = undefined;
  }

  #obey(message: MainToLink): void {
    const from = this.#from();
    const { step, phase } = this.#board.read();
    switch (message.kind) {
      case 'contribute': {
        const { generation, step: of, replica, bucket, values } = message;
        if (generation === this.#generation) this.#endpoint?.contribute(of, replica, bucket, values);
        break;
      }
      case 'offer':
        this.#endpoint?.offer(message.version, message.entries);
        break;
      case 'take':
        this.#endpoint?.take(message.version, message.ranks);
        break;
      case 'ready':
        this.#parts.send({ kind: 'workerReady', from, jobHash: message.jobHash, facts: message.facts });
        break;
      case 'standing': {
        const { generation, standing } = message;
        this.#parts.send({ kind: 'workerStanding', from: { ...from, generation }, standing });
        break;
      }
      case 'committed':
        this.#parts.send({ kind: 'stepCommitted', from, report: message.report });
        break;
      case 'evaluated':
        this.#parts.send({ kind: 'evaluationShare', from, share: message.share });
        break;
      case 'decided':
        this.#parts.send({ kind: 'epochDecided', from, decision: message.decision });
        break;
      case 'finished': {
        const { kind: _, ...finish } = message;
        this.#parts.send({ kind: 'workerFinished', from, ...finish });
        break;
      }
      case 'failed':
        this.#parts.send({ kind: 'workerFailed', from, error: message.error, step, phase });
        break;
      default:
        throw new Error(`a simulated worker sends no ${message.kind}`);
    }
  }

  #beat(): void {
    if (this.#stopped) return;
    const { step, phase } = this.#board.read();
    const bytes = { bytesSent: 0, bytesReceived: 0, deviceMemoryBytes: 0 };
    const beat = { step, phase: phases.includes(phase) ? phase : ('idle' as const), phaseMs: 1, ...bytes };
    this.#parts.send({ kind: 'heartbeat', from: this.#from(), beat });
    this.#parts.scheduler.after(HEARTBEAT_MS, this.#parts.process, () => this.#beat());
  }

  #stop(error: ErrorRecord | null): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#tell({ kind: 'stop', error });
  }

  #tell(message: LinkToMain): void {
    const { scheduler, process } = this.#parts;
    this.#toMain.send(process, () => scheduler.resume(() => this.#listener(message)));
  }

  #from() {
    return { link: this.#parts.link, runId: this.#isKnown ? runId : '', generation: this.#generation };
  }
}
