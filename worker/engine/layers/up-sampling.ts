import { tf } from '../tf.ts';
import { register, registeredClass, single } from './registered-class.ts';
import { Retimed } from './sequences.ts';

type Tensor = tf.Tensor;
type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;
type Options = Parameters<typeof tf.layers.upSampling2d>[0];
interface Args extends Options {}

interface Inside {
  readonly size: readonly [number, number];
  readonly interpolation: string;
  readonly dataFormat: string;
}

/**
 * Each position `rows` times `columns` times, [batch, height, width, channels]. The gradient sums over the copies, as
 * pooling does it quickly; tfjs's own is slow in TensorFlow and wrong in JavaScript.
 */
function repeatPositions(x: Tensor, rows: number, columns: number): Tensor {
  const size: [number, number] = [rows, columns];
  const repeat = tf.customGrad((...args) => {
    const [x] = args as [tf.Tensor4D];
    const [, height, width] = x.shape;
    const value = tf.image.resizeNearestNeighbor(x, [height * rows, width * columns]);
    const gradFunc = (dy: Tensor): Tensor => tf.mul(tf.avgPool(dy as tf.Tensor4D, size, size, 'valid'), rows * columns);
    return { value, gradFunc };
  });
  return repeat(x);
}

/** tfjs-layers' own with that gradient. Neighbours alone: its bilinear form puts the corners elsewhere than Keras. */
export class UpSampling2D extends registeredClass<Inside, Args>('UpSampling2D') {
  static readonly className = 'UpSampling2D';

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    if (this.interpolation !== 'nearest' || this.dataFormat === 'channelsFirst') {
      return super.call(inputs, kwargs as never) as Tensor;
    }
    return tf.tidy(() => repeatPositions(single(inputs), ...this.size));
  }
}

export interface UpSampling1DArgs extends LayerArgs {
  size?: number;
}

/** Each step `size` times. */
export class UpSampling1D extends Retimed {
  static readonly className = 'UpSampling1D';
  readonly #size: number;

  constructor(args: UpSampling1DArgs) {
    super(args);
    this.#size = args.size ?? 2;
  }

  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => tf.squeeze(repeatPositions(tf.expandDims(single(inputs), 2), this.#size, 1), [2]));
  }

  protected override retime(time: number): number {
    return time * this.#size;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), size: this.#size };
  }
}

register(UpSampling2D);
register(UpSampling1D);
