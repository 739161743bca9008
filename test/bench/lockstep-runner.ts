/** Trains by Lockstep's compiled engine, as one worker of a run does: see runner-protocol.ts. */
import { RandomStream } from '../../shared/core/index.ts';
import { loadEngine, tf } from '../../worker/engine/index.ts';
import { makeBatch, type Tf, tfjsWorkloads } from './models.ts';
import { serveRunner } from './runner-protocol.ts';
import { batchRows } from './workloads.ts';

const engine = await loadEngine('tensorflow', { threads: 1 });

await serveRunner(`TensorFlow ${engine.info.version}`, async (name) => {
  const { inputs, targets, loss, buildModel } = tfjsWorkloads[name];
  const trainer = await engine.createTrainer({
    buildModel: () => buildModel(tf as Tf),
    optimizer: { name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
    ...{ loss, inputs, targets, metrics: [], seed: 1 },
    ...{ bucketBytes: 4 * 2 ** 20, rows: [batchRows], compile: true },
  });
  const random = new RandomStream(1);
  const weights = new Float32Array(batchRows).fill(1);
  const batch = { rows: batchRows, realRows: batchRows, weights, ...makeBatch(name, () => random.next()) };
  let step = 0;
  return {
    step: () => {
      const microstep = { step, replica: 0, replicas: 1, globalSamples: batchRows };
      if (trainer.trainWhole === undefined) trainer.apply(trainer.forwardBackward(batch, microstep), step);
      else trainer.trainWhole(batch, microstep);
      step++;
    },
  };
});
