import { datasets, defineJob, tf } from 'lockstep';
import { RandomStream } from '../../../shared/core/random.ts';
import { makeBatch, type Tf, tfjsWorkloads } from '../models.ts';
import { rowsOf, type TrainingWorkload } from '../training-workloads.ts';

/** Batches in the data: enough for shuffling to be work. */
const BATCHES = 4;

/** A workload of the benchmarks as a job for two workers, without end: `--max-steps` says how long it trains. */
export function benchJob(name: TrainingWorkload) {
  const { inputs, targets, loss, buildModel } = tfjsWorkloads[name];
  const batchSize = 2 * rowsOf[name];
  const random = new RandomStream(1);
  const data = makeBatch(name, () => random.next(), BATCHES * batchSize);
  const tensor = (values: Float32Array | undefined, shape: readonly number[] | undefined) => ({
    values: values ?? new Float32Array(),
    shape: [...(shape ?? [])],
  });
  return defineJob({
    model: () => buildModel(tf as unknown as Tf),
    optimizer: 'adam',
    loss,
    data: {
      train: datasets.arrays({
        inputs: tensor(data.inputs[0], inputs[0]?.shape),
        targets: tensor(data.targets[0], targets[0]?.shape),
      }),
    },
    batchSize,
    epochs: 1_000_000,
    seed: 1,
  });
}
