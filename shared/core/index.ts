export { formatAddress, type HostPort, isLoopback, parseAddress, splitAddress } from './address.ts';
export { assertNever, at, invariant } from './assert.ts';
export { bfloat16NaN, roundToBfloat16, widenBfloat16 } from './bfloat16.ts';
export { type Clock, monotonicClock } from './clock.ts';
export {
  type ErrorAction,
  type ErrorCode,
  type ErrorRecord,
  errorCodes,
  isErrorCode,
  LockstepError,
} from './errors.ts';
export { makeDirectory } from './make-directory.ts';
export { editDistance, nearest } from './nearest.ts';
export { deriveKey, mix32, RandomStream } from './random.ts';
export { type Range, splitEvenly } from './ranges.ts';
export { packageVersion } from './version.ts';
export { keepsGradients, powerSgdRank, readWire, topKFraction, type Wire, wireExpected } from './wire.ts';
