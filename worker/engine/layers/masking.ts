import { tf } from '../tf.ts';
import { register, registeredClass, single } from './registered-class.ts';

type Tensor = tf.Tensor;
type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

export interface MaskingArgs extends LayerArgs {
  maskValue?: number;
}

/** tfjs-layers' own has no gradient, and could stand before the first trained layer alone. */
export class Masking extends registeredClass<{ readonly maskValue: number }, MaskingArgs>('Masking') {
  static readonly className = 'Masking';

  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => tf.mul(single(inputs), tf.expandDims(this.#known(single(inputs)), -1)));
  }

  override computeMask(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => tf.cast(this.#known(single(inputs)), 'bool'));
  }

  /** [batch, time, features] → [batch, time]. Its gradient is zero, where a comparison has none. */
  #known(x: Tensor): Tensor {
    const differs = tf.step(tf.abs(tf.sub(x, this.maskValue)));
    return tf.step(tf.sum(differs, -1));
  }
}

register(Masking);
