/**
 * A convolutional network on CIFAR-10 (Krizhevsky, 2009; the "binary version" of its download page).
 *
 *   npx lockstep train examples/cifar10-cnn.ts --data path/to/cifar-10-batches-bin --workers 2 --replicas 6
 *
 * With the same --replicas, any number of workers ends with the same weights, bit for bit: 6 replicas run on 1, 2, 3,
 * 4, 5 or 6 workers, and the batch of 36 can be cut in 1, 2, 3, 4, 6, 9, 12, 18 or 36 replicas.
 */
import { datasets, defineJob, optimizers, tf } from 'lockstep';

const side = 64;

/**
 * The pictures are 32×32 and the network takes 64×64. `reshape` cannot do that: it keeps the number of values
 * (32·32·3 = 3072, 64·64·3 = 12288), so it would fail or mix up rows. `resize` computes the missing pixels.
 */
function cifar10(split: 'train' | 'test') {
  return datasets
    .cifar10({ split })
    .resize(side, side)
    .scale(1 / 255)
    .oneHot(10);
}

export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [side, side, 3], filters: 32, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 64, activation: 'relu' }),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.adam({ learningRate: 0.001 }),
  loss: 'categoricalCrossentropy',
  metrics: ['accuracy'],
  data: {
    // The last 1000 training pictures are kept for validation.
    train: cifar10('train').slice(0, -1000),
    validation: cifar10('train').slice(-1000),
    test: cifar10('test'),
  },
  batchSize: 36,
  epochs: 5,
  seed: 7,
});
