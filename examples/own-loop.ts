/**
 * A training loop of your own over a model class of your own: a small network for generated pictures, without layers.
 *
 *   npx lockstep run examples/own-loop.ts --workers 2 --replicas 4
 */
import { connect, datasets, optimizers, tf } from 'lockstep';

const side = 16;
const classes = 10;
const epochs = 3;

/** Variables and a call, as a Keras model that is a subclass has them. */
class Classifier {
  readonly kernel = tf.variable(tf.randomNormal([5, 5, 3, 8], 0, 0.1));
  readonly hidden = tf.variable(tf.randomNormal([6 * 6 * 8, 32], 0, 0.1));
  readonly hiddenBias = tf.variable(tf.zeros([32]));
  readonly output = tf.variable(tf.randomNormal([32, classes], 0, 0.1));
  readonly outputBias = tf.variable(tf.zeros([classes]));

  /** [rows, side, side, 3] → scores of the classes, [rows, classes] */
  call(pictures: tf.Tensor): tf.Tensor {
    const maps = tf.relu(tf.conv2d(pictures as tf.Tensor4D, this.kernel as tf.Tensor4D, 1, 'valid')); // [rows, 12, 12, 8]
    const flat = tf.reshape(tf.maxPool(maps, 2, 2, 'valid'), [-1, 6 * 6 * 8]);
    const hidden = tf.relu(tf.add(tf.matMul(flat, this.hidden as tf.Tensor2D), this.hiddenBias));
    return tf.add(tf.matMul(hidden as tf.Tensor2D, this.output as tf.Tensor2D), this.outputBias);
  }

  get variables(): Record<string, tf.Variable> {
    const { kernel, hidden, hiddenBias, output, outputBias } = this;
    return { kernel, hidden, hiddenBias, output, outputBias };
  }
}

/** Pictures with numbers from `first` on; pixels become -1 to 1. */
function glyphs(first: number, samples: number) {
  return datasets
    .glyphs({ samples, first, seed: 1, height: side })
    .scale(1 / 127.5, -1)
    .oneHot(classes);
}

const session = await connect();
const model = new Classifier();
const training = await session.batches(glyphs(0, 1000), { batchSize: 32, epochs });
const test = await session.batches(glyphs(2_000_000, 200), { batchSize: 32 });

const step = await session.compile(training, {
  variables: model.variables,
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  // A value for each sample: Lockstep takes the mean over those of all workers.
  step: ([pictures], [labels]) => {
    const scores = model.call(pictures as tf.Tensor);
    const truth = labels as tf.Tensor;
    return {
      loss: tf.neg(tf.sum(tf.mul(truth, tf.logSoftmax(scores)), -1)),
      accuracy: tf.equal(tf.argMax(scores, -1), tf.argMax(truth, -1)),
    };
  },
});

for await (const batch of training) {
  session.report(await step.train(batch));
  if (session.shouldStop) break;
}

const { loss, accuracy } = await step.evaluate(test);
if (session.rank === 0) console.log(`test loss ${loss.toFixed(4)} accuracy ${accuracy?.toFixed(4)}`);
await session.save(step);
