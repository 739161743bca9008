import type { ErrorRecord } from '../../../shared/core/index.ts';
import type { SecurityOptions } from '../../../shared/rpc/index.ts';
import type { ExchangeChoice } from '../../collective/index.ts';

/** To one rank of a measured allreduce, over the channel that `fork` opens; each is answered before the next is sent. */
export type RankRequest =
  | {
      readonly kind: 'join';
      readonly coordinator: string;
      readonly workerId: string;
      /** Name of the host that this rank is on; ranks with the same one may use what only one host has. */
      readonly host: string;
      readonly peerListen: string;
      readonly sharedMemory: 'auto' | 'off';
      readonly security: SecurityOptions;
      readonly runToken: string;
      /** float32 values in each bucket. */
      readonly bucketLengths: readonly number[];
    }
  | { readonly kind: 'turn'; readonly untimed: number; readonly iterations: number }
  | { readonly kind: 'leave' };

export type RankReply =
  | { readonly kind: 'joined'; readonly exchange: ExchangeChoice }
  | {
      readonly kind: 'took';
      /** Of each timed iteration. */
      readonly seconds: readonly number[];
      /** Processor time of this process, all threads, in the timed iterations. */
      readonly cpuSeconds: number;
    }
  | { readonly kind: 'left' }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
