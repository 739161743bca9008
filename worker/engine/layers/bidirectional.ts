import { tf } from '../tf.ts';
import { register, registeredClass } from './registered-class.ts';

type Tensor = tf.Tensor;
type Options = Parameters<typeof tf.layers.bidirectional>[0];

interface Args extends Options {
  /** Whether masked steps of a sequence give zeros, as in Keras, or repeat the output before, as in tfjs-layers. */
  zeroOutputForMask?: boolean;
}

interface Inside {
  readonly returnSequences: boolean;
  readonly returnState: boolean;
}

/** tfjs-layers' own, with Keras's zeros in masked steps. */
export class Bidirectional extends registeredClass<Inside, Args>('Bidirectional') {
  static readonly className = 'Bidirectional';
  readonly #zeros: boolean;

  constructor({ zeroOutputForMask = false, ...args }: Args) {
    super(args as Args);
    this.#zeros = zeroOutputForMask;
  }

  override call(inputs: Tensor | Tensor[], kwargs: { mask?: Tensor | Tensor[] | null }): Tensor | Tensor[] {
    const [mask = null] = [kwargs.mask ?? null].flat();
    if (mask === null || !this.#zeros || !this.returnSequences) return super.call(inputs, kwargs);
    return tf.tidy(() => {
      const known = tf.expandDims(tf.cast(mask, 'float32'), -1); // [batch, time, 1]
      const made = [super.call(inputs, kwargs)].flat();
      // States have no time.
      const masked = made.map((value) => (value.rank > 2 ? tf.mul(value, known) : value));
      return masked.length === 1 ? (masked[0] as Tensor) : masked;
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), zeroOutputForMask: this.#zeros };
  }
}

register(Bidirectional);
