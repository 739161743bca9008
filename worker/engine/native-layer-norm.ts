import type { tf as Tf } from './tf.ts';

type Tensor = Tf.Tensor;
type Tfjs = typeof Tf;

/** What the call reads of tfjs-layers' LayerNormalization, which its types don't publish. */
interface LayerNormalization {
  /** Not negative once the layer is built. */
  readonly axis: readonly number[];
  readonly epsilon: number;
  readonly gamma: { read(): Tensor } | null;
  readonly beta: { read(): Tensor } | null;
  call(inputs: Tensor | Tensor[]): Tensor;
}

/**
 * Lets tfjs-layers' LayerNormalization broadcast instead of tiling its moments and weights to the input's shape: the
 * gradient of a tiling is one slice and one addition for each copy, 16,000 for a layer of 32 × 128 rows of 128.
 */
export function installNativeLayerNorm(tf: Tfjs): void {
  const prototype = Object.getPrototypeOf(tf.layers.layerNormalization({})) as LayerNormalization;
  const normalize = normalizer(tf);
  prototype.call = function call(this: LayerNormalization, inputs) {
    const x = (Array.isArray(inputs) ? inputs[0] : inputs) as Tensor;
    return tf.tidy(() => {
      const shape = x.shape.map((size, dimension) => (this.axis.includes(dimension) ? size : 1));
      const broadcast = (weight: Tensor): Tensor => tf.reshape(weight, shape);
      const normal = normalize(x, this.axis, this.epsilon);
      const scaled = this.gamma === null ? normal : tf.mul(normal, broadcast(this.gamma.read()));
      return this.beta === null ? scaled : tf.add(scaled, broadcast(this.beta.read()));
    });
  };
}

/**
 * n = (x − mean) / √(variance + ε) over `axes`. With r = 1 / √(variance + ε), its gradient is
 * dx = r · (dn − mean(dn) − n · mean(dn · n)) (Ba et al., 2016).
 */
function normalizer(tf: Tfjs) {
  return (x: Tensor, axes: readonly number[], epsilon: number): Tensor => {
    const over = [...axes];
    const gradFunc = (dn: Tensor, saved: Tensor[]): Tensor => {
      const [n, r] = saved as [Tensor, Tensor];
      const common = tf.add(tf.mean(dn, over, true), tf.mul(n, tf.mean(tf.mul(dn, n), over, true)));
      return tf.mul(tf.sub(dn, common), r);
    };
    const normalize = tf.customGrad((...args) => {
      const [x, save] = args as unknown as [Tensor, (tensors: Tensor[]) => void];
      const centered = tf.sub(x, tf.mean(x, over, true));
      const r = tf.rsqrt(tf.add(tf.mean(tf.square(centered), over, true), epsilon));
      const n = tf.mul(centered, r);
      save([n, r]);
      return { value: n, gradFunc: gradFunc as (dy: Tensor, saved: Tensor[]) => Tensor };
    });
    return normalize(x);
  };
}
