import { tf } from './tf.ts';

type Tensor = tf.Tensor;

/** Of tfjs-layers' activation classes. */
interface ActivationClass {
  readonly prototype: { apply(x: Tensor): Tensor };
}

/** Lets tfjs-layers' GELU activations compute as below: its own leave their gradient to the chain rule, op by op. */
export function installGelu(): void {
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  for (const [name, apply] of [
    ['gelu', gelu],
    ['gelu_new', geluApproximate],
  ] as const) {
    const found = classNameMap[name]?.[0] as unknown as ActivationClass | undefined;
    if (found !== undefined) found.prototype.apply = (x) => apply(x);
  }
}

/**
 * x · Φ(x) with the normal distribution's Φ(x) = (1 + erf(x / √2)) / 2 (Hendrycks and Gimpel, 2016). The gradient is
 * Φ(x) + x · φ(x), φ(x) = e^(−x² / 2) / √(2π).
 */
export function gelu(x: Tensor): Tensor {
  return tf.tidy(() => exact(x));
}

const exact = withGradient((x) => {
  const cumulative = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
  const slope = (x: Tensor, cumulative: Tensor): Tensor => {
    const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return tf.add(cumulative, tf.mul(x, density));
  };
  return { value: tf.mul(x, cumulative), kept: cumulative, slope };
});

/** √(2 / π) and the factor of x³. */
const SCALE = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

/**
 * x · (1 + t) / 2 with t = tanh(√(2/π) · (x + 0.044715 x³)), the same paper's approximation. The gradient is
 * (1 + t) / 2 + x · (1 − t²) · √(2/π) · (1 + 3 · 0.044715 x²) / 2.
 */
export function geluApproximate(x: Tensor): Tensor {
  return tf.tidy(() => approximate(x));
}

const approximate = withGradient((x) => {
  const inside = tf.mul(x, tf.add(tf.mul(tf.square(x), SCALE * CUBIC), SCALE));
  const t = tf.tanh(inside);
  const slope = (x: Tensor, t: Tensor): Tensor => {
    const inner = tf.mul(x, tf.add(tf.mul(tf.square(x), 1.5 * SCALE * CUBIC), 0.5 * SCALE));
    return tf.add(tf.mul(tf.add(t, 1), 0.5), tf.mul(inner, tf.sub(1, tf.square(t))));
  };
  return { value: tf.mul(tf.mul(x, 0.5), tf.add(t, 1)), kept: t, slope };
});

interface Computed {
  readonly value: Tensor;
  /** What the gradient needs besides the input. */
  readonly kept: Tensor;
  /** dy/dx, from the input and what was kept. */
  slope(x: Tensor, kept: Tensor): Tensor;
}

function withGradient(compute: (x: Tensor) => Computed): (x: Tensor) => Tensor {
  return (x) =>
    tf.customGrad((...args) => {
      const [x, save] = args as unknown as [Tensor, (tensors: Tensor[]) => void];
      const { value, kept, slope } = compute(x);
      save([x, kept]);
      const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor =>
        tf.mul(dy, slope(saved[0] as Tensor, saved[1] as Tensor));
      return { value, gradFunc: gradFunc as (dy: Tensor, saved: Tensor[]) => Tensor };
    })(x);
}
