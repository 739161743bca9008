/** Gradients of whole weights, packed behind each other in one flat array. */
export interface Bucket {
  /** Positions in the list that was planned, in the order in which they lie in the bucket. */
  readonly members: readonly number[];
  /** float32 values in the bucket. */
  readonly length: number;
}

const BYTES_PER_VALUE = 4;

/**
 * Packs weights in buckets from the last to the first, because the backward pass completes the last layers' gradients
 * first. A bucket is closed as soon as it holds `bucketBytes`; a weight is never split, so a bucket exceeds
 * `bucketBytes` by less than its last member.
 *
 * @param lengths float32 values of each weight, in the model's order
 */
export function planBuckets(lengths: readonly number[], bucketBytes: number): Bucket[] {
  const buckets: Bucket[] = [];
  let members: number[] = [];
  let length = 0;
  for (const [fromLast, weightLength] of lengths.toReversed().entries()) {
    members.push(lengths.length - 1 - fromLast);
    length += weightLength;
    if (length * BYTES_PER_VALUE < bucketBytes) continue;
    buckets.push({ members, length });
    members = [];
    length = 0;
  }
  if (members.length > 0) buckets.push({ members, length });
  return buckets;
}
