import { setTimeout as sleep } from 'node:timers/promises';
import type { LockstepError } from '../../shared/core/index.ts';
import {
  type Channel,
  type CoordinatorMessage,
  connect,
  controlService,
  loopbackSecurity,
  type MessageStream,
  type WorkerMessage,
} from '../../shared/rpc/index.ts';
import { facts, identity, stepReport } from './membership-run.ts';

type Body = NonNullable<CoordinatorMessage['body']>;

/** A worker's control connection over real gRPC, driven by a test. */
export class FakeWorker {
  readonly id: string;
  readonly messages: CoordinatorMessage[] = [];
  /** Undefined while open. */
  closedWith: LockstepError | null | undefined;
  readonly #channel: Channel;
  readonly #stream: MessageStream<WorkerMessage, CoordinatorMessage>;
  #runId = '';
  #generation = 0;
  #beats: NodeJS.Timeout | undefined;
  #wake: () => void = () => {};

  private constructor(id: string, channel: Channel) {
    this.id = id;
    this.#channel = channel;
    this.#stream = channel.open(controlService.session, {
      message: (message) => {
        this.#runId = message.runId ?? '';
        this.#generation = message.generation ?? 0;
        this.messages.push(message);
        this.#wake();
      },
      closed: (error) => {
        clearInterval(this.#beats);
        this.closedWith = error;
        this.#wake();
      },
    });
  }

  static async connect(address: string, id: string): Promise<FakeWorker> {
    const kind = 'control' as const;
    const channel = await connect(address, { kind, security: loopbackSecurity, deadlineMs: 5000, role: 'coordinator' });
    return new FakeWorker(id, channel);
  }

  /** Joins and waits for the answer. */
  async join(changes: Partial<typeof identity> = {}, runToken = '', metricsAddress = ''): Promise<this> {
    const hello = { workerId: this.id, host: 'test-host', pid: 4711, peerAddress: '127.0.0.1:1', metricsAddress };
    this.send({ body: 'hello', hello: { ...hello, runToken, identity: { ...identity, ...changes } } });
    await this.until(() => this.messages.length > 0 || this.closedWith !== undefined);
    return this;
  }

  ready(): void {
    const metrics = [{ name: 'accuracy', kind: 'mean', width: 1, classes: 1 }];
    const told = { ...facts, metrics, decidesEpochs: true };
    this.send({ body: 'ready', ready: { jobHash: 'same', facts: told } });
  }

  /** Joins, gets ready and beats. */
  static async start(address: string, id: string): Promise<FakeWorker> {
    const worker = await FakeWorker.connect(address, id);
    await worker.join({}, '', `${id}-host:9401`);
    worker.ready();
    worker.beat();
    worker.#beats = setInterval(() => worker.beat(), 50);
    return worker;
  }

  beat(): void {
    const heartbeat = { step: 1, phase: 3, phaseMs: 12, bytesSent: 5000, bytesReceived: 6000, deviceMemoryBytes: 7000 };
    this.send({ body: 'heartbeat', heartbeat });
  }

  /** As a stopped process: the connection stays, nothing is said any more. */
  fallSilent(): void {
    clearInterval(this.#beats);
  }

  commit(step: number, last = false): void {
    const { metricSums, ...report } = stepReport(step, last);
    this.send({ body: 'stepCommitted', stepCommitted: { ...report, metricSums: [...metricSums] } });
  }

  share(replica: number, step: number): void {
    const evaluationShare = { split: 0, step, replica, samples: 16, lossSum: 4, metricSums: [12] };
    this.send({ body: 'evaluationShare', evaluationShare });
  }

  /** Tells its end, waits for Stop and closes. */
  async finish(steps: number, weightsSha256 = 'f'.repeat(64)): Promise<void> {
    this.send({ body: 'finished', finished: { steps, weightsSha256, checkpoint: 'out/model' } });
    await this.receive('stop');
    this.end();
  }

  async receive<Kind extends Body>(kind: Kind): Promise<CoordinatorMessage> {
    const find = () => this.messages.find((message) => message.body === kind);
    await this.until(() => find() !== undefined || this.closedWith !== undefined);
    const found = find();
    if (found === undefined) throw new Error(`${this.id}: closed before ${kind}: ${String(this.closedWith)}`);
    return found;
  }

  /** In good order. */
  end(): void {
    clearInterval(this.#beats);
    this.#stream.end();
    void this.until(() => this.closedWith !== undefined).then(() => this.#channel.close());
  }

  /** As a killed process. */
  die(): void {
    clearInterval(this.#beats);
    this.#channel.close();
  }

  send(message: WorkerMessage): void {
    void this.#stream.send({ ...message, runId: this.#runId, generation: this.#generation });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        sleep(20),
      ]);
    }
  }
}
