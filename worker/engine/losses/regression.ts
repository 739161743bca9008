import { tf } from '../tf.ts';
import { absolute, EPSILON, likePrediction, meanPerSample } from './sample-values.ts';

type Loss = (target: tf.Tensor, prediction: tf.Tensor) => tf.Tensor1D;

/** A loss that is the mean of `values` over a sample. */
function mean(values: (truth: tf.Tensor, prediction: tf.Tensor) => tf.Tensor): Loss {
  return (target, prediction) => meanPerSample(values(likePrediction(target, prediction), prediction));
}

const meanSquaredError = mean((truth, prediction) => tf.squaredDifference(truth, prediction));

const meanAbsoluteError = mean((truth, prediction) => absolute(tf.sub(truth, prediction)));

const meanAbsolutePercentageError = mean((truth, prediction) =>
  tf.mul(100, absolute(tf.div(tf.sub(truth, prediction), tf.maximum(tf.abs(truth), EPSILON)))),
);

const meanSquaredLogarithmicError = mean((truth, prediction) => {
  const log = (values: tf.Tensor): tf.Tensor => tf.log(tf.add(tf.maximum(values, EPSILON), 1));
  return tf.squaredDifference(log(prediction), log(truth));
});

/** ½e² up to δ, then δ·|e| − ½δ²; as ½q² + δ·(|e| − q) with q = min(|e|, δ), because comparisons have no gradient. */
export function huber(delta: number): Loss {
  return mean((truth, prediction) => {
    const size = absolute(tf.sub(prediction, truth));
    const quadratic = tf.minimum(size, delta);
    return tf.add(tf.mul(0.5, tf.square(quadratic)), tf.mul(delta, tf.sub(size, quadratic)));
  });
}

/** e + softplus(−2e) − log 2, which does not overflow as cosh would. */
const logCosh = mean((truth, prediction) => {
  const error = tf.sub(prediction, truth);
  return tf.sub(tf.add(error, tf.softplus(tf.mul(error, -2))), Math.log(2));
});

/** cos of the angle between target and prediction over the last axis. */
export function cosine(target: tf.Tensor, prediction: tf.Tensor): tf.Tensor1D {
  // x / max(‖x‖, ε): Keras takes the least of 1 / ‖x‖ and 1 / ε, which has no gradient at 0.
  const unit = (values: tf.Tensor): tf.Tensor =>
    tf.mul(values, tf.rsqrt(tf.maximum(tf.sum(tf.square(values), -1, true), EPSILON * EPSILON)));
  return meanPerSample(tf.sum(tf.mul(unit(likePrediction(target, prediction)), unit(prediction)), -1));
}

const poisson = mean((truth, prediction) => tf.sub(prediction, tf.mul(truth, tf.log(tf.add(prediction, EPSILON)))));

const klDivergence: Loss = (target, prediction) => {
  const within = (values: tf.Tensor): tf.Tensor => tf.clipByValue(values, EPSILON, 1);
  const truth = within(likePrediction(target, prediction));
  return meanPerSample(tf.sum(tf.mul(truth, tf.log(tf.div(truth, within(prediction)))), -1));
};

/** max(1 − y·p, 0); a target of 0 counts as −1. Keras does so where a batch holds nothing but 0 and 1. */
function marginShortfall(truth: tf.Tensor, prediction: tf.Tensor): tf.Tensor {
  const sides = tf.where(tf.equal(truth, 0), tf.mul(tf.onesLike(truth), -1), truth);
  return tf.maximum(tf.sub(1, tf.mul(sides, prediction)), 0);
}

const hinge = mean(marginShortfall);

const squaredHinge = mean((truth, prediction) => tf.square(marginShortfall(truth, prediction)));

const categoricalHinge: Loss = (target, prediction) => {
  const truth = likePrediction(target, prediction);
  const right = tf.sum(tf.mul(truth, prediction), -1);
  const wrong = tf.max(tf.mul(tf.sub(1, truth), prediction), -1);
  return meanPerSample(tf.maximum(tf.add(tf.sub(wrong, right), 1), 0));
};

/** Losses without options, by their names. */
export const plainLosses = {
  meanSquaredError,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredLogarithmicError,
  logCosh,
  cosineSimilarity: (target: tf.Tensor, prediction: tf.Tensor) => tf.neg(cosine(target, prediction)) as tf.Tensor1D,
  poisson,
  klDivergence,
  hinge,
  squaredHinge,
  categoricalHinge,
} as const;
