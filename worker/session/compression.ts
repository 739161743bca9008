import { powerSgdRank, topKFraction } from '../../shared/core/index.ts';
import { PowerSgd, TopK } from '../collective/index.ts';
import type { Trainer } from '../engine/index.ts';
import type { Link } from './link.ts';
import type { GenerationView } from './protocol.ts';
import type { RunPlan } from './run-plan.ts';

/** What keeps gradients of the hosted replicas back for later steps; null where all are sent. */
export type Compression = TopK | PowerSgd | null;

/** @throws LockstepError config/invalid where nothing would get shorter */
export function compressionOf(
  { wire, seed }: Pick<RunPlan, 'wire' | 'seed'>,
  { layout }: Pick<Trainer, 'layout'>,
  replicas: GenerationView['replicas'],
): Compression {
  const fraction = topKFraction(wire);
  if (fraction !== null) return new TopK(fraction, replicas, layout.gradientBuckets);
  const rank = powerSgdRank(wire);
  return rank === null ? null : new PowerSgd({ rank, seed, replicas, shapes: layout.gradientShapes });
}

/** The number by which workers know a step's first reduction; PowerSGD has two for each step. */
export function firstReduction(compression: Compression, step: number): number {
  return compression instanceof PowerSgd ? 2 * step : step;
}

/** Announces the first reduction of a step where not all reductions are of the same lengths. */
export function beginStep(link: Link, compression: Compression, step: number, others: readonly number[]): void {
  if (!(compression instanceof PowerSgd)) return;
  const bucketLengths = [...compression.firstLengths, ...others];
  link.send({ kind: 'begin', step: firstReduction(compression, step), bucketLengths });
}

/** What a replica sends of a bucket of gradients in the first reduction. */
export function compress(
  compression: Compression,
  replica: number,
  bucket: number,
  gradients: Float32Array,
): Float32Array {
  if (compression instanceof PowerSgd) return compression.compress(replica, bucket, gradients);
  compression?.compress(replica, bucket, gradients);
  return gradients;
}

/** PowerSGD's second reduction. Gives the gradients of the step, to which its first one came to `first`. */
export async function reduceFactors(
  link: Link,
  powerSgd: PowerSgd,
  { generation, replicas }: Pick<GenerationView, 'generation' | 'replicas'>,
  step: number,
  first: readonly Float32Array[],
): Promise<Float32Array[]> {
  powerSgd.reduceLeft(first);
  const reduction = firstReduction(powerSgd, step) + 1;
  link.send({ kind: 'begin', step: reduction, bucketLengths: powerSgd.secondLengths });
  for (let replica = replicas.start; replica < replicas.end; replica++) {
    let bucket = 0;
    for (const values of powerSgd.factors(replica)) {
      link.send({ kind: 'contribute', generation, step: reduction, replica, bucket: bucket++, values }, [
        values.buffer,
      ]);
    }
  }
  const { buckets } = await link.receive('reduced');
  return powerSgd.decompress(first, buckets as Float32Array[], step);
}
