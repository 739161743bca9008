/**
 * Images: a convolutional network on a folder of pictures for each class (JPEG or PNG, of any size), with augmentation.
 *
 *   pictures/cats/*.jpg  pictures/dogs/*.png  …
 *   npx lockstep train examples/image-folder.ts --data pictures --workers 2
 */
import { datasets, defineJob, optimizers, tf } from 'lockstep';

const side = 32;
const classes = ['circles', 'crosses', 'stripes'];

// Class by class in the folders, so shuffled before it is cut in two.
const [train, validation] = datasets
  .imageFolder({ imageSize: [side, side], classes })
  .shuffle(1)
  .scale(1 / 255)
  .split(0.8);

export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [side, side, 3], filters: 8, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: classes.length, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.adam({ learningRate: 0.003 }),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  // Every epoch meets each picture changed anew; validation meets it as it is.
  data: { train: train.randomFlip('horizontal').randomRotation(0.05).randomContrast(0.2), validation },
  batchSize: 16,
  epochs: 4,
  seed: 1,
});
