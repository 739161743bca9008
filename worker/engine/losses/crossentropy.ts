import type { CrossentropyOptions, LossConfig } from '../../../shared/job/index.ts';
import { sigmoidCrossentropy, softmaxCrossentropy, sparseSoftmaxCrossentropy } from '../softmax-crossentropy.ts';
import { tf } from '../tf.ts';
import type { SampleLoss } from './sample-loss.ts';
import { clip, labelsOf, likePrediction, meanPerSample } from './sample-values.ts';

type Focal<Kind extends LossConfig['kind']> = Extract<LossConfig, { kind: Kind }>;

/**
 * −Σ y·log p. Where the output is the result of a softmax or sigmoid activation, Keras on TensorFlow goes back to what went
 * into it, whatever `fromLogits` says (keras/src/backend/tensorflow/nn.py, _get_logits): that is exact where p is 0 or 1.
 */
export function categoricalCrossentropy({ fromLogits, labelSmoothing }: CrossentropyOptions): SampleLoss {
  return (target, prediction, _mask, logits) => {
    const truth = smoothed(likePrediction(target, prediction), labelSmoothing, prediction.shape.at(-1) ?? 1);
    const known = logits ?? (fromLogits ? prediction : null);
    if (known !== null) return meanPerSample(softmaxCrossentropy(truth, known));
    return meanPerSample(tf.neg(tf.sum(tf.mul(truth, tf.log(clip(sharesOf(prediction)))), -1)));
  };
}

export function sparseCategoricalCrossentropy({ fromLogits }: Pick<CrossentropyOptions, 'fromLogits'>): SampleLoss {
  return (target, prediction, _mask, logits) => {
    const known = logits ?? (fromLogits ? prediction : tf.log(clip(prediction)));
    return meanPerSample(sparseSoftmaxCrossentropy(labelsOf(target, prediction), known));
  };
}

export function binaryCrossentropy({ fromLogits, labelSmoothing }: CrossentropyOptions): SampleLoss {
  return (target, prediction, _mask, logits) => {
    const truth = smoothed(likePrediction(target, prediction), labelSmoothing, 2);
    return meanPerSample(binaryValues(truth, prediction, logits ?? (fromLogits ? prediction : null)));
  };
}

export function binaryFocalCrossentropy(config: Focal<'binaryFocalCrossentropy'>): SampleLoss {
  const { fromLogits, labelSmoothing, gamma, alpha, applyClassBalancing } = config;
  return (target, prediction, _mask, logits) => {
    const truth = smoothed(likePrediction(target, prediction), labelSmoothing, 2);
    const probabilities = fromLogits ? tf.sigmoid(prediction) : prediction;
    const entropy = binaryValues(truth, probabilities, fromLogits ? prediction : (logits ?? null));
    const right = mixed(truth, probabilities, tf.sub(1, probabilities));
    const focal = tf.mul(tf.pow(tf.sub(1, right), gamma), entropy);
    return meanPerSample(applyClassBalancing ? tf.mul(mixed(truth, alpha, 1 - alpha), focal) : focal);
  };
}

export function categoricalFocalCrossentropy(config: Focal<'categoricalFocalCrossentropy'>): SampleLoss {
  const { fromLogits, labelSmoothing, gamma, alpha } = config;
  return (target, prediction) => {
    const truth = smoothed(likePrediction(target, prediction), labelSmoothing, prediction.shape.at(-1) ?? 1);
    const probabilities = clip(sharesOf(fromLogits ? tf.softmax(prediction) : prediction));
    const entropy = tf.neg(tf.mul(truth, tf.log(probabilities)));
    const weight = tf.mul(alpha, tf.pow(tf.sub(1, probabilities), gamma));
    return meanPerSample(tf.sum(tf.mul(weight, entropy), -1));
  };
}

/** Cross-entropy of each value. */
function binaryValues(truth: tf.Tensor, prediction: tf.Tensor, logits: tf.Tensor | null): tf.Tensor {
  if (logits !== null) return sigmoidCrossentropy(truth, logits);
  const probabilities = clip(prediction);
  return tf.neg(mixed(truth, tf.log(probabilities), tf.log(tf.sub(1, probabilities))));
}

/** y·a + (1 − y)·b */
function mixed(truth: tf.Tensor, a: tf.Tensor | number, b: tf.Tensor | number): tf.Tensor {
  return tf.add(tf.mul(truth, a), tf.mul(tf.sub(1, truth), b));
}

/** Each sample's values scaled to sum 1. */
function sharesOf(prediction: tf.Tensor): tf.Tensor {
  return tf.div(prediction, tf.sum(prediction, -1, true));
}

function smoothed(truth: tf.Tensor, smoothing: number, classes: number): tf.Tensor {
  return smoothing === 0 ? truth : tf.add(tf.mul(truth, 1 - smoothing), smoothing / classes);
}
