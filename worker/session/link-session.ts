import type { RunSettings } from '../../shared/config/index.ts';
import {
  type ErrorRecord,
  formatAddress,
  invariant,
  LockstepError,
  monotonicClock,
  parseAddress,
} from '../../shared/core/index.ts';
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
import { type Allreduce, createAllreduce, GrpcTransport, type WireFormat } from '../collective/index.ts';
import {
  fromErrorInfo,
  phaseNumber,
  toDecision,
  toEpochEnd,
  toWorkerBody,
  type WorkerBody,
} from './control-messages.ts';
import type { LinkSettings } from './link-settings.ts';
import { ProgressBoard } from './progress-board.ts';
import type { LinkToMain, MainToLink } from './protocol.ts';
import { reachableAddress } from './reachable-address.ts';
import { WorkerTelemetry } from './telemetry.ts';

type ToMain = (message: LinkToMain, transfer?: readonly ArrayBuffer[]) => void;

/** The main thread may be inside a step when the run is stopped; past this it won't come back by itself. */
const MAIN_THREAD_GRACE_MS = 5_000;

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
  #allreduce: Allreduce | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #runId = '';
  #generation = 0;
  #runSettings: RunSettings | undefined;
  #bucketLengths: readonly number[] | null = [];
  /** Of the step in progress. */
  #buckets = 0;
  #bucketFormats: readonly WireFormat[] = [];
  #sparse = false;
  #stopped = false;
  #hostedReplicas = 0;
  /** Buckets of the step in progress that came from the main thread. */
  #contributed = 0;

  constructor(settings: LinkSettings, toMain: ToMain) {
    this.#settings = settings;
    this.#toMain = toMain;
    this.#board = new ProgressBoard(settings.board);
    this.#security = loadSecurity(settings.security);
  }

  /** @throws LockstepError rpc/unreachable, rpc/address-in-use, config/insecure */
  async start(): Promise<void> {
    const { workerId, host, identity, runToken, coordinator, connectTimeoutMs } = this.#settings;
    this.#transport = await GrpcTransport.create({
      workerId,
      listen: this.#settings.peerListen,
      security: this.#security,
      sharedMemory: this.#settings.sharedMemory,
      notice: (message) => console.error(`lockstep: worker ${workerId}: ${message}`),
    });
    this.#telemetry = await WorkerTelemetry.start(this.#settings, this.#board, this.#transport);
    this.#channel = await connect(coordinator, {
      kind: 'control',
      role: 'coordinator',
      security: this.#security,
      deadlineMs: connectTimeoutMs,
      advice: 'is `lockstep coordinator` running there?',
    });
    this.#control = this.#channel.open(controlService.session, {
      message: (message) => this.#fromCoordinator(message),
      closed: (error) => this.#controlClosed(error),
    });
    const metrics = this.#telemetry.address;
    const metricsAddress = metrics === undefined ? '' : reachableAddress(metrics, this.#settings.advertise, host);
    const hello = {
      workerId,
      host,
      pid: process.pid,
      peerAddress: this.#peerAddress(),
      metricsAddress,
      identity,
      runToken,
    };
    this.#send({ hello });
  }

  fromMain(message: MainToLink): void {
    if (message.kind === 'contribute') {
      this.#contribute(message);
      return;
    }
    if (message.kind === 'begin') {
      this.#buckets = message.bucketLengths.length;
      this.#allreduce?.begin(message.step, message.bucketLengths);
      return;
    }
    if (message.kind === 'planned') this.#telemetry?.setMetrics(message.facts.metrics);
    if (message.kind === 'ready') {
      this.#bucketLengths = message.bucketLengths;
      this.#buckets = message.bucketLengths?.length ?? 0;
      this.#bucketFormats = message.bucketFormats;
      this.#sparse = message.sparse;
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
      this.#runSettings = JSON.parse(message.welcome.settingsJson ?? '') as RunSettings;
      this.#heartbeat = setInterval(() => this.#beat(), message.welcome.heartbeatIntervalMs ?? 500);
      this.#toMain({ kind: 'welcome', settings: this.#runSettings, workerId: this.#settings.workerId });
    } else if (message.refused) {
      this.#stop(fromErrorInfo(message.refused.error ?? {}));
    } else if (message.generationStart) {
      this.#startGeneration(message.generation ?? 0, message.generationStart);
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
    this.#hostedReplicas = me.replicas.end - me.replicas.start;
    const allreduce = createAllreduce({
      generation,
      runId: this.#runId,
      rank: me.rank,
      members,
      replicas: settings.replicas,
      bucketLengths: this.#bucketLengths,
      ...(this.#bucketLengths === null ? {} : { bucketFormats: this.#bucketFormats }),
      transport: this.#transport,
      algorithm: settings.algorithm,
      sparse: this.#sparse,
      segmentBytes: settings.segmentBytes,
      segmentTimeoutMs: settings.segmentTimeoutMs,
      clock: monotonicClock,
    });
    this.#allreduce = allreduce;
    this.#telemetry?.setGeneration(generation, me.rank, this.#hostedReplicas);
    const { rank, replicas } = me;
    const view = { generation, rank, worldSize: members.length, replicas, startStep: start.startStep ?? 0 };
    allreduce.ready.then(
      (exchange) => {
        if (this.#allreduce === allreduce) this.#toMain({ kind: 'generation', generation: { ...view, exchange } });
      },
      (error: unknown) => {
        if (this.#allreduce === allreduce) this.#peerFailed(LockstepError.from(error, 'collective/timeout'));
      },
    );
  }

  #contribute({ step, replica, bucket, values }: Extract<MainToLink, { kind: 'contribute' }>): void {
    const allreduce = this.#allreduce;
    invariant(allreduce !== undefined, 'contributions come inside a generation');
    allreduce.contribute(step, replica, bucket, values);
    if (++this.#contributed < this.#hostedReplicas * this.#buckets) return;
    this.#contributed = 0;
    allreduce.result(step).then(
      (reduced) =>
        this.#toMain(
          { kind: 'reduced', step, buckets: reduced },
          reduced.map((b) => b.buffer as ArrayBuffer),
        ),
      (error: unknown) => this.#peerFailed(LockstepError.from(error, 'collective/timeout')),
    );
  }

  /** The coordinator decides what a peer's fault means: it may know by now that the peer is dead. */
  #peerFailed(error: LockstepError): void {
    if (!this.#stopped) this.#send(toWorkerBody({ kind: 'failed', error: error.toRecord() }, this.#board.read()));
  }

  #controlClosed(error: LockstepError | null): void {
    if (this.#stopped) return;
    // It lives and said why it does not want this worker.
    if (error?.code === 'rpc/refused') {
      this.#stop(error.toRecord());
      return;
    }
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

  #send(body: WorkerBody): void {
    void this.#control?.send({ runId: this.#runId, generation: this.#generation, ...body } as WorkerMessage);
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
