/**
 * Audio: a convolutional network on the mel spectrograms of WAV files, a folder for each class.
 *
 *   sounds/high/*.wav  sounds/low/*.wav  …
 *   npx lockstep train examples/audio-spectrogram.ts --data sounds --workers 2
 */
import { datasets, defineJob, optimizers, tf } from 'lockstep';

const sampleRate = 8000;
/** Half a second. */
const length = 4000;
const bands = 24;
/** ⌊(length − frameLength) / frameStep⌋ + 1 */
const frames = 30;

// Measured over the training part: what it is by itself, before it is normalized.
const [train, validation] = datasets
  .audioFolder({ sampleRate, length })
  .shuffle(1)
  .spectrogram({ frameLength: 256, frameStep: 128, mel: { bands }, log: true })
  .split(0.8);

export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [frames, bands, 1], filters: 8, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 3, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.adam({ learningRate: 0.003 }),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: train.normalize({ adaptTo: train }), validation: validation.normalize({ adaptTo: train }) },
  batchSize: 16,
  epochs: 5,
  seed: 1,
});
