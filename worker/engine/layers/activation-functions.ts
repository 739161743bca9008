import { tf } from '../tf.ts';

type Tensor = tf.Tensor;

/** relu6(x + 3) / 6, Keras 3's own; tfjs's hardSigmoid is clip(x / 5 + 1/2). */
function hardSigmoid(x: Tensor): Tensor {
  return tf.div(tf.relu6(tf.add(x, 3)), 6);
}

/** x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2 (Hendrycks and Gimpel, 2016). */
function geluApproximate(x: Tensor): Tensor {
  const scale = Math.sqrt(2 / Math.PI);
  const inside = tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715 * scale), scale));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inside), 1));
}

/**
 * Keras 3's activation functions with its defaults, on tensors of any shape. A layer's `activation` takes one of them, or
 * its name.
 */
export const activations = {
  linear: (x: Tensor): Tensor => x,
  relu: (x: Tensor): Tensor => tf.relu(x),
  relu6: (x: Tensor): Tensor => tf.relu6(x),
  leakyRelu: (x: Tensor, negativeSlope = 0.2): Tensor => tf.leakyRelu(x, negativeSlope),
  elu: (x: Tensor): Tensor => tf.elu(x),
  selu: (x: Tensor): Tensor => tf.selu(x),
  /** max(x, 0) + e^min(x, 0) − 1, Barron, 2017, with α = 1: there it is ELU. */
  celu: (x: Tensor): Tensor => tf.elu(x),
  sigmoid: (x: Tensor): Tensor => tf.sigmoid(x),
  logSigmoid: (x: Tensor): Tensor => tf.neg(tf.softplus(tf.neg(x))),
  hardSigmoid,
  tanh: (x: Tensor): Tensor => tf.tanh(x),
  softmax: (x: Tensor, axis = -1): Tensor => tf.softmax(x, axis),
  logSoftmax: (x: Tensor, axis = -1): Tensor => tf.logSoftmax(x, axis),
  softplus: (x: Tensor): Tensor => tf.softplus(x),
  softsign: (x: Tensor): Tensor => tf.div(x, tf.add(tf.abs(x), 1)),
  /** x · Φ(x), Φ(x) = (1 + erf(x / √2)) / 2 (Hendrycks and Gimpel, 2016). */
  gelu: (x: Tensor): Tensor => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
  geluApproximate,
  silu: (x: Tensor): Tensor => tf.mul(x, tf.sigmoid(x)),
  swish: (x: Tensor): Tensor => tf.mul(x, tf.sigmoid(x)),
  hardSilu: (x: Tensor): Tensor => tf.mul(x, hardSigmoid(x)),
  /** x · tanh(softplus(x)), Misra, 2019. */
  mish: (x: Tensor): Tensor => tf.mul(x, tf.tanh(tf.softplus(x))),
  exponential: (x: Tensor): Tensor => tf.exp(x),
} as const;
