import { tf } from '../tf.ts';
import { register, registeredClass, single } from './registered-class.ts';

type Tensor = tf.Tensor;
type Options = Parameters<typeof tf.layers.upSampling2d>[0];
interface Args extends Options {}

interface Inside {
  readonly size: readonly [number, number];
  readonly interpolation: string;
  readonly dataFormat: string;
}

/**
 * tfjs-layers' own, by copies in place of resizing, whose gradient tfjs's JavaScript gets wrong. Neighbours alone: its
 * bilinear form puts the corners elsewhere than Keras.
 */
export class UpSampling2D extends registeredClass<Inside, Args>('UpSampling2D') {
  static readonly className = 'UpSampling2D';

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    if (this.interpolation !== 'nearest' || this.dataFormat === 'channelsFirst') {
      return super.call(inputs, kwargs as never) as Tensor;
    }
    return tf.tidy(() => {
      const x = single(inputs);
      const [batch, height, width, channels] = x.shape as [number, number, number, number];
      const [rows, columns] = this.size;
      const copies = tf.tile(tf.reshape(x, [batch, height, 1, width, 1, channels]), [1, 1, rows, 1, columns, 1]);
      return tf.reshape(copies, [batch, height * rows, width * columns, channels]);
    });
  }
}

register(UpSampling2D);
