import { datasets, defineJob, tf } from 'lockstep';

const SAMPLES = 40;
/** Its products overflow, and with them the loss of each step that has it. */
const BROKEN = 17;

/** A job with a sample that gives no finite loss, skipped once in each epoch; with batch normalization and a short last batch. */
export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [4], units: 8, activation: 'relu' }),
        tf.layers.batchNormalization(),
        tf.layers.dense({ units: 1 }),
      ],
    }),
  optimizer: 'adam',
  loss: 'meanSquaredError',
  metrics: ['meanAbsoluteError'],
  data: {
    train: datasets.arrays({
      inputs: {
        values: Float32Array.from({ length: 4 * SAMPLES }, (_, k) =>
          Math.floor(k / 4) === BROKEN ? 3e38 : Math.sin(k),
        ),
        shape: [4],
      },
      targets: { values: Float32Array.from({ length: SAMPLES }, (_, k) => Math.cos(k)), shape: [1] },
    }),
  },
  batchSize: 12,
  epochs: 3,
  onNonFinite: 'skip',
});
