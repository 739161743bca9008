/**
 * A small network on files in MNIST's format (EMNIST digits, for example), unpacked or as .gz. MNIST itself, and
 * Fashion-MNIST, need no files: `datasets.mnist` and `datasets.fashionMnist` download them.
 *
 *   npx lockstep train examples/mnist-idx.ts --data mnist --workers 2
 */
import { datasets, defineJob, optimizers, tf } from 'lockstep';

const train = datasets.idx({ images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' }).scale(1 / 255);
const test = datasets.idx({ images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' }).scale(1 / 255);

export default defineJob({
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [28, 28, 1] }),
        tf.layers.dense({ units: 128, activation: 'relu' }),
        tf.layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  optimizer: optimizers.sgd({ learningRate: 0.1, momentum: 0.9 }),
  // Targets are class numbers here, not one-hot.
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['sparseCategoricalAccuracy'],
  data: { train: train.slice(0, -5000), validation: train.slice(-5000), test },
  batchSize: 64,
  epochs: 3,
});
