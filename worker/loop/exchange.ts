import { createHash } from 'node:crypto';
import { at, LockstepError } from '../../shared/core/index.ts';
import type { GenerationView, Link } from '../session/index.ts';

/** [a fingerprint of the call, replicas whose worker was asked to drain], before what is exchanged itself. */
const HEADER_VALUES = 2;

/** Sends one hosted replica's part of one bucket; the array is gone after it. */
export type Send = (replica: number, bucket: number, values: Float32Array) => void;

/**
 * The collective calls of a loop, one after the other in the order in which the program makes them: sums over all
 * replicas along the canonical tree. That all workers make the same call is checked by a fingerprint that goes along.
 */
export class Exchange {
  readonly generation: GenerationView;
  readonly replicas: number;
  readonly #link: Link;
  #calls = 0;
  #last: Promise<unknown> = Promise.resolve();
  #drains = false;
  #waitedMs = 0;

  constructor(link: Link, generation: GenerationView, replicas: number) {
    this.#link = link;
    this.generation = generation;
    this.replicas = replicas;
  }

  /** Whether the run is to end early, as all workers knew it in their last call. */
  get drains(): boolean {
    return this.#drains;
  }

  /** Time that calls waited for others, in all. */
  get waitedSeconds(): number {
    return this.#waitedMs / 1000;
  }

  /** The only worker's replicas have nobody to ask. */
  agreeAlone(): void {
    this.#link.throwIfStopped();
    this.#drains = this.#link.drainRequested;
  }

  /**
   * @param call what the program calls, with all that must be the same on all workers
   * @param lengths values in each bucket
   * @param contribute sends every bucket of every hosted replica
   * @throws LockstepError run/diverged where other workers call something else; what ended the run
   */
  run(call: string, lengths: readonly number[], contribute: (send: Send) => void): Promise<Float32Array[]> {
    const result = this.#last.then(() => this.#run(call, lengths, contribute));
    this.#last = result.catch(() => {});
    return result;
  }

  async #run(call: string, lengths: readonly number[], contribute: (send: Send) => void): Promise<Float32Array[]> {
    const link = this.#link;
    link.throwIfStopped();
    const step = this.#calls++;
    const { start, end } = this.generation.replicas;
    const mark = fingerprint(call);
    link.send({ kind: 'begin', step, bucketLengths: [HEADER_VALUES, ...lengths] });
    for (let replica = start; replica < end; replica++) {
      this.#send(step, replica, 0, new Float32Array([mark, link.drainRequested ? 1 : 0]));
    }
    contribute((replica, bucket, values) => this.#send(step, replica, bucket + 1, values));
    const waitFrom = performance.now();
    const { buckets } = await link.receive('reduced');
    this.#waitedMs += performance.now() - waitFrom;
    const [header, ...sums] = buckets as readonly Float32Array[];
    if (header?.[0] !== mark * this.replicas) throw this.#otherCall(call, step);
    this.#drains ||= at(header, 1) > 0;
    return sums;
  }

  #send(step: number, replica: number, bucket: number, values: Float32Array): void {
    const { generation } = this.generation;
    this.#link.send({ kind: 'contribute', generation, step, replica, bucket, values }, [values.buffer as ArrayBuffer]);
  }

  #otherCall(call: string, number: number): LockstepError {
    const { rank } = this.generation;
    return new LockstepError(
      'run/diverged',
      `rank ${rank} called ${call} as call ${number + 1} of the loop, and some other worker called something else: every ` +
        'worker has to make the same calls in the same order, so none may stand behind a condition on the rank',
      { details: { rank, call, number } },
    );
  }
}

/** Of 12 bits: summed over up to 4096 replicas it is exact in float32. */
function fingerprint(call: string): number {
  return createHash('sha256').update(call).digest().readUInt16LE(0) & 0xfff;
}
