import type { ByteCounter } from '../../shared/rpc/index.ts';
import { ReceivingSlots, SendingSlots, type SharedMemoryOffer } from './shared-slots.ts';

/** Payloads of one stream in shared memory at a time: more are no faster, and fall out of the processor's cache. */
const slotCount = 4;

/** A worker's use of memory that it shares with workers on the same host. What fails once is not tried again. */
export class HostMemory {
  readonly #counter: ByteCounter;
  readonly #notice: (message: string) => void;
  #fails = process.platform !== 'linux';

  /** @param notice hears, once, why memory is not shared where it could be */
  constructor(counter: ByteCounter, notice: (message: string) => void) {
    this.#counter = counter;
    this.#notice = notice;
  }

  /** Memory to offer to a peer, for segments of up to `slotBytes`. The peer may be elsewhere: then it takes none. */
  offer(slotBytes: number): ReceivingSlots | undefined {
    return this.#attempt('gradients of peers', () => new ReceivingSlots(slotCount, slotBytes, this.#counter));
  }

  /** What a peer offered, if it is on this host. */
  accept(offer: SharedMemoryOffer, workerId: string): SendingSlots | undefined {
    return this.#attempt(`gradients for worker ${workerId}`, () => SendingSlots.open(offer, this.#counter));
  }

  #attempt<T>(what: string, get: () => T): T | undefined {
    if (this.#fails) return undefined;
    try {
      return get();
    } catch (error) {
      this.#fails = true;
      this.#notice(`${what} go over gRPC, not through shared memory, which is faster: ${(error as Error).message}`);
      return undefined;
    }
  }
}
