import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { callbacks, datasets, defineJob, layers, models, optimizers } from 'lockstep';

/** After each step, so that a test has the time to disturb it: what the file that it names says. */
function pauseMs(): number {
  const file = process.env['STEP_PAUSE_FILE'];
  return file === undefined ? 0 : Number(readFileSync(file, 'utf8'));
}

const glyphs = (samples: number, seed: number) =>
  datasets
    .glyphs({ samples, seed, height: 12 })
    .scale(1 / 255)
    .oneHot(10);

/** All that a run carries from step to step: slots, moving averages, masks, and what callbacks remember. */
export default defineJob({
  model: () =>
    models.sequential([
      layers.conv2d({ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [12, 12, 3] }),
      layers.batchNormalization(),
      layers.flatten(),
      layers.dropout({ rate: 0.3 }),
      layers.dense({ units: 24, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ]),
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: glyphs(500, 1), validation: glyphs(60, 2), test: glyphs(60, 3) },
  batchSize: 24,
  epochs: 8,
  callbacks: [
    { onBatchEnd: () => setTimeout(pauseMs()) },
    callbacks.csvLogger(),
    callbacks.reduceLROnPlateau({ monitor: 'val_loss', patience: 1, factor: 0.5, minDelta: 0.3 }),
    callbacks.earlyStopping({ monitor: 'val_loss', patience: 3, minDelta: 0.05, restoreBestWeights: true }),
  ],
});
