import { at, LockstepError, type Range } from '../../shared/core/index.ts';

/** Gradients that were not sent yet: of each replica, one array for each bucket. */
export type ReplicaResiduals = Map<number, readonly Float32Array[]>;

/**
 * What error feedback keeps of the hosted replicas' gradients for later steps (Karimireddy et al., "Error feedback fixes
 * SignSGD and other gradient compression schemes", 2019). It belongs to replicas: whoever hosts a replica goes on with it.
 */
export class Residuals {
  readonly #lengths: readonly number[];
  readonly #ofReplicas: Map<number, Float32Array[]>;

  /** @param lengths values in each bucket of gradients */
  constructor(replicas: Range, lengths: readonly number[]) {
    this.#lengths = lengths;
    this.#ofReplicas = new Map(
      Array.from({ length: replicas.end - replicas.start }, (_, offset) => [
        replicas.start + offset,
        lengths.map((length) => new Float32Array(length)),
      ]),
    );
  }

  /** The replica's own array, to be changed in place. */
  of(replica: number, bucket: number): Float32Array {
    return at(this.#ofReplicas.get(replica) ?? [], bucket);
  }

  /** Copies, of all hosted replicas. */
  read(): ReplicaResiduals {
    return new Map(
      [...this.#ofReplicas].map(([replica, buckets]) => [replica, buckets.map((values) => values.slice())]),
    );
  }

  /**
   * Takes what the hosted replicas need; others may be there too.
   * @throws LockstepError checkpoint/mismatch when something is missing or of another length; then nothing has changed
   */
  write(given: ReadonlyMap<number, readonly Float32Array[]>): void {
    for (const replica of this.#ofReplicas.keys()) this.#check(replica, given.get(replica));
    for (const [replica, buckets] of this.#ofReplicas) {
      for (const [bucket, values] of buckets.entries()) values.set(at(given.get(replica) ?? [], bucket));
    }
  }

  #check(replica: number, buckets: readonly Float32Array[] | undefined): void {
    const found = buckets?.map(({ length }) => length).join(', ');
    const expected = this.#lengths.join(', ');
    if (found === expected) return;
    throw new LockstepError(
      'checkpoint/mismatch',
      `gradients that replica ${replica} kept back: ${found === undefined ? 'none are there' : `buckets of ${found} values`}, ` +
        `buckets of ${expected} expected; they fit the same model, --replicas and --bucket-bytes alone`,
      { details: { replica } },
    );
  }
}
