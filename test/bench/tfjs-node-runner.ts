/** Trains by plain tfjs-node, op by op, without anything of Lockstep's engine: see runner-protocol.ts. */
import { createRequire } from 'node:module';
import util from 'node:util';
import { RandomStream } from '../../shared/core/index.ts';
import { makeBatch, type Tf, tfjsWorkloads } from './models.ts';
import { serveRunner } from './runner-protocol.ts';
import { batchRows } from './workloads.ts';

// Removed in Node 23; tfjs-node 4.22.0 still calls them.
const removed = { isNullOrUndefined: (value: unknown) => value == null, isArray: Array.isArray };
for (const [name, value] of Object.entries(removed)) if (!(name in util)) Object.defineProperty(util, name, { value });

process.env['TF_NUM_INTRAOP_THREADS'] = '1';
process.env['TF_NUM_INTEROP_THREADS'] = '1';
const tf = createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu') as Tf;

await serveRunner(`tfjs-node ${tf.version['tfjs']}`, async (name) => {
  const { inputs, targets, loss, buildModel } = tfjsWorkloads[name];
  const model = buildModel(tf);
  model.compile({ optimizer: tf.train.adam(0.001), loss });
  const random = new RandomStream(1);
  const batch = makeBatch(name, () => random.next());
  const x = tf.tensor(batch.inputs[0] as Float32Array, [batchRows, ...(inputs[0]?.shape ?? [])]);
  const y = tf.tensor(batch.targets[0] as Float32Array, [batchRows, ...(targets[0]?.shape ?? [])]);
  return {
    step: async () => {
      await model.trainOnBatch(x, y);
    },
  };
});
