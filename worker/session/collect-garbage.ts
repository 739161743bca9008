import { setFlagsFromString } from 'node:v8';

/**
 * Lets V8 collect garbage in one piece, in all threads of this process. What a worker allocates is memory outside of
 * V8's heap (gradients, network buffers), hundreds of MB a second, for which V8 starts to mark in small steps beside the
 * program over and over: half of a link thread's processor time over gRPC. The heap itself is small, so that one
 * collection takes milliseconds. See docs/decisions/0012.
 */
export function collectGarbageAtOnce(): void {
  setFlagsFromString('--no-incremental-marking');
}
