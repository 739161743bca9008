import type { RunSettings } from '../../shared/config/index.ts';
import { type ErrorRecord, formatAddress, invariant, LockstepError, parseAddress } from '../../shared/core/index.ts';
import {
  type Channel,
  type CoordinatorMessage,
  connect,
  controlService,
  loadSecurity,
  type MessageStream,
  type Security,
  type WorkerMessage,
} from '../../shared/rpc/index.ts';
import { GrpcTransport } from '../collective/index.ts';
import {
  fromErrorInfo,
  phaseNumber,
  toCatchUp,
  toDecision,
  toEpochEnd,
  toErrorInfo,
  toWorkerBody,
  type WorkerBody,
} from './control-messages.ts';
import { GenerationExchange } from './generation-exchange.ts';
import type { LinkSettings } from './link-settings.ts';
import { Outbox } from './outbox.ts';
import { ProgressBoard } from './progress-board.ts';
import type { LinkToMain, MainToLink } from './protocol.ts';
import { reachableAddress } from './reachable-address.ts';
import { WorkerTelemetry } from './telemetry.ts';

type ToMain = (message: LinkToMain, transfer?: readonly ArrayBuffer[]) => void;

/** The main thread may be inside a step when the run is stopped; past this it won't come back by itself. */
const MAIN_THREAD_GRACE_MS = 5_000;

/** How long workers train on without a coordinator. */
const COORDINATOR_GONE_MS = 60_000;

/** The link thread's part of a run: joins, beats, reduces, and tells the main thread what the coordinator decided. */
export class LinkSession {
  readonly #settings: LinkSettings;
  readonly #toMain: ToMain;
  readonly #board: ProgressBoard;
  readonly #security: Security;
  #control: MessageStream<WorkerMessage, CoordinatorMessage> | undefined;
  #channel: Channel | undefined;
  #transport: GrpcTransport | undefined;
  #telemetry: WorkerTelemetry | undefined;
  readonly #exchange: GenerationExchange;
  #heartbeat: NodeJS.Timeout | undefined;
  #runId = '';
  #generation = 0;
  #runSettings: RunSettings | undefined;
  #stopped = false;
  #hello: NonNullable<WorkerMessage['hello']> = {};
  readonly #outbox = new Outbox();
  /** Without a coordinator, for a while. */
  #canGoOn = false;

  constructor(settings: LinkSettings, toMain: ToMain) {
    this.#settings = settings;
    this.#toMain = toMain;
    this.#board = new ProgressBoard(settings.board);
    this.#security = loadSecurity(settings.security);
    this.#exchange = new GenerationExchange({ toMain, peerFailed: (error) => this.#peerFailed(error) });
  }

  /** @throws LockstepError rpc/unreachable, rpc/address-in-use, config/insecure */
  async start(): Promise<void> {
    const { workerId, host, identity, runToken, connectTimeoutMs } = this.#settings;
    this.#transport = await GrpcTransport.create({
      workerId,
      listen: this.#settings.peerListen,
      security: this.#security,
      sharedMemory: this.#settings.sharedMemory,
      notice: (message) => console.error(`lockstep: worker ${workerId}: ${message}`),
    });
    this.#telemetry = await WorkerTelemetry.start(this.#settings, this.#board, this.#transport);
    const metrics = this.#telemetry.address;
    const metricsAddress = metrics === undefined ? '' : reachableAddress(metrics, this.#settings.advertise, host);
    this.#hello = {
      ...{ workerId, host, pid: process.pid, peerAddress: this.#peerAddress(), metricsAddress, identity, runToken },
    };
    await this.#connect(connectTimeoutMs);
    this.#send({ hello: this.#hello });
  }

  async #connect(deadlineMs: number): Promise<void> {
    this.#channel = await connect(this.#settings.coordinator, {
      kind: 'control',
      role: 'coordinator',
      security: this.#security,
      deadlineMs,
      advice: 'is `lockstep coordinator` running there?',
    });
    this.#control = this.#channel.open(controlService.session, {
      message: (message) => this.#fromCoordinator(message),
      closed: (error) => this.#controlClosed(error),
    });
  }

  fromMain(message: MainToLink): void {
    switch (message.kind) {
      case 'contribute':
        this.#exchange.contribute(message);
        return;
      case 'begin':
        this.#exchange.begin(message);
        return;
      case 'offer':
        this.#exchange.offer(message);
        return;
      case 'take':
        this.#exchange.take(message);
        return;
      default:
        this.#report(message);
    }
  }

  /** What goes to the coordinator. */
  #report(message: Parameters<typeof toWorkerBody>[0]): void {
    if (message.kind === 'standing') {
      this.#send(toWorkerBody(message, this.#board.read()), message.generation);
      return;
    }
    if (message.kind === 'planned') this.#telemetry?.setMetrics(message.facts.metrics);
    if (message.kind === 'ready') {
      this.#exchange.shape(message);
      this.#canGoOn = this.#runSettings?.mode !== 'loop' && !message.facts.irreplaceable;
      this.#telemetry?.setMetrics(message.facts.metrics);
    }
    if (message.kind === 'committed') this.#telemetry?.observe(message.report);
    // What was sent in the last steps counts too.
    if (message.kind === 'finished') this.#beat();
    this.#send(toWorkerBody(message, this.#board.read()));
  }

  #fromCoordinator(message: CoordinatorMessage): void {
    if (message.welcome) {
      this.#runId = message.runId ?? '';
      const isFirst = this.#runSettings === undefined;
      this.#runSettings = JSON.parse(message.welcome.settingsJson ?? '') as RunSettings;
      clearInterval(this.#heartbeat);
      this.#heartbeat = setInterval(() => this.#beat(), message.welcome.heartbeatIntervalMs ?? 500);
      if (!isFirst) return;
      this.#toMain({ kind: 'welcome', settings: this.#runSettings, workerId: this.#settings.workerId });
    } else if (message.refused) {
      this.#stop(fromErrorInfo(message.refused.error ?? {}));
    } else if (message.generationStart) {
      this.#startGeneration(message.generation ?? 0, message.generationStart);
    } else if (message.pause) {
      this.#exchange.leave();
      this.#toMain({ kind: 'pause', generation: message.generation ?? 0 });
    } else if (message.epochEnd) {
      this.#toMain({ kind: 'epochEnd', end: toEpochEnd(message.epochEnd) });
    } else if (message.epochDecision) {
      this.#toMain({ kind: 'decision', decision: toDecision(message.epochDecision) });
    } else if (message.drain) {
      this.#toMain({ kind: 'drain' });
    } else if (message.stop) {
      this.#stop(message.stop.error ? fromErrorInfo(message.stop.error) : null);
    }
  }

  #startGeneration(generation: number, start: NonNullable<CoordinatorMessage['generationStart']>): void {
    const settings = this.#runSettings;
    invariant(settings !== undefined && this.#transport !== undefined, 'a generation starts after welcome');
    const members = (start.members ?? []).map((member) => ({
      rank: member.rank ?? 0,
      workerId: member.workerId ?? '',
      address: member.peerAddress ?? '',
      host: member.host ?? '',
      replicas: { start: member.firstReplica ?? 0, end: member.endReplica ?? 0 },
    }));
    const me = members.find((member) => member.workerId === this.#settings.workerId);
    if (me === undefined) return;
    this.#generation = generation;
    this.#outbox.clear();
    const { rank, replicas } = me;
    this.#telemetry?.setGeneration(generation, rank, replicas.end - replicas.start);
    const view = { generation, rank, worldSize: members.length, replicas, ...toCatchUp(start) };
    this.#exchange.enter(
      { runId: this.#runId, generation, settings, members, rank, transport: this.#transport },
      (exchange) => this.#toMain({ kind: 'generation', generation: { ...view, exchange } }),
    );
  }

  /** The coordinator decides what a peer's fault means: it may know by now that the peer is dead. */
  #peerFailed(error: LockstepError): void {
    if (!this.#stopped) this.#send({ peerFault: { error: toErrorInfo(error.toRecord()) } });
  }

  #controlClosed(error: LockstepError | null): void {
    if (this.#stopped) return;
    // It lives and said why it does not want this worker.
    if (error?.code === 'rpc/refused') {
      this.#stop(error.toRecord());
      return;
    }
    if (this.#generation > 0 && this.#canGoOn) {
      void this.#comeBack();
      return;
    }
    if (this.#runId !== '' && this.#runSettings?.mode === 'train' && this.#generation === 0) {
      const text = `worker ${this.#settings.workerId} lost the coordinator before it trained: start it again`;
      this.#stop(new LockstepError('run/evicted', text).toRecord());
      return;
    }
    this.#coordinatorLost(error);
  }

  /**
   * Training goes on without a coordinator. One that is started again in its place learns who is there, and what it
   * missed: what it knows already it passes over.
   */
  async #comeBack(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#control = undefined;
    const { workerId } = this.#settings;
    console.error(`lockstep: worker ${workerId} lost the coordinator, trains on and waits for it`);
    try {
      await this.#connect(COORDINATOR_GONE_MS);
    } catch (error) {
      this.#coordinatorLost(LockstepError.from(error, 'rpc/unreachable'));
      return;
    }
    this.#rejoin();
  }

  #rejoin(): void {
    const rejoin = { runId: this.#runId, generation: this.#generation };
    this.#send({ hello: { ...this.#hello, rejoin } });
    for (const message of this.#outbox.all) void this.#control?.send(message);
  }

  #coordinatorLost(error: LockstepError | null): void {
    const { phase, step } = this.#board.read();
    const isUnknownCertificate = this.#runId === '' && this.#security.kind === 'mutual-tls';
    const hint = isUnknownCertificate ? '; perhaps it does not trust this worker’s TLS certificate' : '';
    const reason = error === null ? 'it closed the connection without a word' : error.message;
    this.#stop(
      new LockstepError(
        'run/coordinator-lost',
        `worker ${this.#settings.workerId} lost the coordinator ${this.#settings.coordinator} in ${phase} of step ${step}: ${reason}${hint}; ending`,
        { cause: error ?? undefined },
      ).toRecord(),
    );
  }

  #stop(error: ErrorRecord | null): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#heartbeat);
    this.#control?.end();
    this.#toMain({ kind: 'stop', error });
    // A step that hangs inside TensorFlow or in the user's code would keep the process of a failed run for ever.
    if (error !== null) setTimeout(() => process.kill(process.pid, 'SIGKILL'), MAIN_THREAD_GRACE_MS).unref();
  }

  #beat(): void {
    const { step, phase, phaseMs, modelBytes, valueBytes } = this.#board.read();
    const bytes = this.#transport?.bytes ?? { sent: 0, received: 0 };
    this.#send({
      heartbeat: {
        step,
        phase: phaseNumber(phase),
        phaseMs: Math.round(phaseMs),
        bytesSent: bytes.sent,
        bytesReceived: bytes.received,
        deviceMemoryBytes: modelBytes + valueBytes,
      },
    });
  }

  #send(body: WorkerBody, generation = this.#generation): void {
    const message = { runId: this.#runId, generation, ...body } as WorkerMessage;
    this.#outbox.add(message, this.#control !== undefined);
    void this.#control?.send(message);
  }

  #peerAddress(): string {
    const bound = this.#transport?.address ?? '';
    const { advertise, host } = this.#settings;
    // A name that certificates are for is advertised even where one address is listened on.
    return advertise === null
      ? reachableAddress(bound, null, host)
      : formatAddress(advertise, parseAddress(bound).port);
  }
}
