import { at, invariant, LockstepError, roundToBfloat16 } from '../../../shared/core/index.ts';
import type { ExchangeChoice, WireFormat, WireValues } from '../../collective/index.ts';
import { collectGarbageAtOnce } from '../collect-garbage.ts';
import { Link } from '../link.ts';
import type { GenerationView } from '../protocol.ts';
import type { RankReply, RankRequest } from './protocol.ts';

/**
 * One rank of a measured allreduce: a process that hands arrays to a worker's own link thread, as a training step does,
 * and takes the sums back. There is no engine in it.
 */
class MeasuredRank {
  /** How its arrays travel. */
  readonly exchange: ExchangeChoice;
  readonly #link: Link;
  readonly #rank: number;
  readonly #worldSize: number;
  readonly #format: WireFormat;
  #buckets: WireValues[];
  #step = 0;

  private constructor(
    link: Link,
    { rank, worldSize, exchange }: GenerationView,
    bucketLengths: readonly number[],
    format: WireFormat,
  ) {
    this.exchange = exchange;
    this.#link = link;
    this.#rank = rank;
    this.#worldSize = worldSize;
    this.#format = format;
    this.#buckets = bucketLengths.map((length) =>
      format === 'float32' ? new Float32Array(length) : new Uint16Array(length),
    );
  }

  static async join(request: Extract<RankRequest, { kind: 'join' }>): Promise<MeasuredRank> {
    const { kind: _, bucketLengths, ...settings } = request;
    const identity = {
      lockstepVersion: '',
      engine: '',
      tensorflowVersion: '',
      deviceClass: '',
      threads: 1,
      jobFileHash: '',
    };
    const link = new Link({ ...settings, identity, advertise: null, metricsListen: null, connectTimeoutMs: 30_000 });
    const { settings: run } = await link.receive('welcome');
    const facts = {
      ...{ trainSamples: 0, validationSamples: 0, testSamples: 0, epochs: 0 },
      ...{
        globalBatchSize: run.replicas,
        accumulate: 1,
        parameters: 0,
        metrics: [],
        decidesEpochs: false,
        irreplaceable: true,
        modelName: 'allreduce',
        execution: '',
      },
    };
    const format = run.wire === 'bfloat16' ? 'bfloat16' : 'float32';
    const bucketFormats = bucketLengths.map(() => format);
    link.send({ kind: 'ready', jobHash: bucketLengths.join(), facts, bucketLengths, bucketFormats, sparse: false });
    const { generation } = await link.receive('generation');
    const rank = new MeasuredRank(link, generation, bucketLengths, format);
    await rank.#check();
    return rank;
  }

  /** Sums numbers whose sum is known, so that no figure is ever that of a wrong result. Leaves zeros. */
  async #check(): Promise<void> {
    // In bfloat16 every sum of ones over so few ranks is exact.
    const isFloat = this.#format === 'float32';
    const own = isFloat ? 1 + this.#rank : bitsOf(1);
    for (const bucket of this.#buckets) bucket.fill(own);
    await this.#iterate();
    const expected = isFloat ? (this.#worldSize * (this.#worldSize + 1)) / 2 : bitsOf(this.#worldSize);
    for (const bucket of this.#buckets) {
      invariant(
        bucket.every((value) => value === expected),
        `every sum over ${this.#worldSize} ranks is ${expected}`,
      );
      // Sums of sums would soon be infinite.
      bucket.fill(0);
    }
  }

  async turn(untimed: number, iterations: number): Promise<RankReply> {
    for (let iteration = 0; iteration < untimed; iteration++) await this.#iterate();
    const seconds: number[] = [];
    const before = process.cpuUsage();
    for (let iteration = 0; iteration < iterations; iteration++) {
      const start = performance.now();
      await this.#iterate();
      seconds.push((performance.now() - start) / 1e3);
    }
    const { user, system } = process.cpuUsage(before);
    return { kind: 'took', seconds, cpuSeconds: (user + system) / 1e6 };
  }

  async #iterate(): Promise<void> {
    const step = this.#step++;
    for (const [bucket, values] of this.#buckets.entries()) {
      this.#link.send({ kind: 'contribute', generation: 1, step, replica: this.#rank, bucket, values }, [
        values.buffer as ArrayBuffer,
      ]);
    }
    const { buckets } = await this.#link.receive('reduced');
    this.#buckets = buckets.map((_, index) => at(buckets, index));
  }

  async leave(): Promise<void> {
    this.#link.send({ kind: 'finished', steps: 0, weightsSha256: '', checkpoint: '' });
    await this.#link.receive('stop');
    await this.#link.close();
  }
}

function bitsOf(value: number): number {
  return at(roundToBfloat16(new Float32Array([value])), 0);
}

collectGarbageAtOnce();
let rank: MeasuredRank | undefined;

async function answer(request: RankRequest): Promise<RankReply> {
  if (request.kind === 'join') {
    rank = await MeasuredRank.join(request);
    return { kind: 'joined', exchange: rank.exchange };
  }
  invariant(rank !== undefined, 'a rank joins before it is measured');
  if (request.kind === 'turn') return rank.turn(request.untimed, request.iterations);
  await rank.leave();
  rank = undefined;
  return { kind: 'left' };
}

// Who measures has ended: nobody will ask for anything any more.
process.once('disconnect', () => process.exit(1));
process.on('message', (request: RankRequest) => {
  answer(request)
    .catch(
      (error: unknown): RankReply => ({ kind: 'failed', error: LockstepError.from(error, 'engine/failed').toRecord() }),
    )
    .then((reply) => process.send?.(reply));
});
