/**
 * Video: a convolutional network over space and time on clips, each a folder of its frames, a folder for each class.
 *
 *   clips/left/0001/frame1.png  clips/right/0002/frame1.png  …      ffmpeg -i clip.mp4 clips/left/0001/frame%d.png
 *   npx lockstep train examples/video-frames.ts --data clips --workers 2
 */
import { datasets, defineJob, optimizers, tf } from 'lockstep';

const frames = 8;
const side = 16;

const [train, validation] = datasets
  .frameFolder({ frames, imageSize: [side, side], colorMode: 'grayscale' })
  .shuffle(1)
  .scale(1 / 255)
  .split(0.8);

export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv3d({ inputShape: [frames, side, side, 1], filters: 8, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling3d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 16, activation: 'relu' }),
        tf.layers.dense({ units: 2, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.adam({ learningRate: 0.003 }),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: train.randomTranslation(0.1, 0), validation },
  batchSize: 8,
  epochs: 6,
  seed: 1,
});
