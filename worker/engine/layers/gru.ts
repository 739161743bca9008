import { tf } from '../tf.ts';
import { gruSequence } from './gru-sequence.ts';
import { register, registeredClass } from './registered-class.ts';

type Tensor = tf.Tensor;
type GruArgs = Parameters<typeof tf.layers.gru>[0];

interface Activation {
  apply(x: Tensor): Tensor;
  getClassName(): string;
}

/** What is used of tfjs-layers' cell, whose types don't publish it. */
interface Cell {
  readonly units: number;
  readonly useBias: boolean;
  readonly activation: Activation;
  readonly recurrentActivation: Activation;
  readonly dropout: number;
  readonly recurrentDropout: number;
  readonly biasInitializer: never;
  readonly biasRegularizer: never;
  readonly biasConstraint: never;
  dropoutFunc: ((ones: Tensor, rate: number) => Tensor) | undefined;
  dropoutMask: Tensor[] | null;
  recurrentDropoutMask: Tensor[] | null;
  kernel: tf.LayerVariable;
  recurrentKernel: tf.LayerVariable;
  bias: tf.LayerVariable | null;
}

interface CallArguments {
  readonly mask?: Tensor | Tensor[] | null;
  readonly initialState?: readonly Tensor[] | null;
  readonly training?: boolean;
}

/**
 * tfjs-layers' GRU cell with Keras's `resetAfter`: the reset gate acts on the product with the recurrent kernel, which
 * then has a bias of its own. Weights are Keras's; the bias is [2, 3 · units], that of the input first.
 */
export class GRUCell extends registeredClass<Cell, GruArgs>('GRUCell') {
  static readonly className: string = 'GRUCell';
  readonly resetAfter: boolean;

  constructor({ resetAfter = false, ...args }: GruArgs & { resetAfter?: boolean }) {
    super(args);
    this.resetAfter = resetAfter;
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    if (!this.resetAfter || !this.useBias) {
      super.build(inputShape);
      return;
    }
    // The bias of the base class would have another shape.
    const withoutBias = Object.create(this, { useBias: { value: false } }) as this;
    super.build.call(withoutBias, inputShape);
    const { kernel, recurrentKernel } = withoutBias;
    this.kernel = kernel;
    this.recurrentKernel = recurrentKernel;
    const objects = [this.biasInitializer, this.biasRegularizer, true, this.biasConstraint] as const;
    this.bias = this.addWeight('bias', [2, 3 * this.units], 'float32', ...objects);
    this.built = true;
  }

  override call(inputs: Tensor | Tensor[], kwargs: CallArguments): Tensor[] {
    if (!this.resetAfter) return super.call(inputs, kwargs as never) as Tensor[];
    return tf.tidy(() => {
      const [x, before] = inputs as [Tensor, Tensor]; // [batch, features], [batch, units]
      if (kwargs.training === true) this.#drawMasks(x, before);
      const [bias, recurrentBias] = this.bias === null ? [] : tf.unstack(this.bias.read());
      const shift = (product: Tensor, by: Tensor | undefined): Tensor =>
        by === undefined ? product : tf.add(product, by);
      const ofInput = shift(tf.matMul(masked(x, this.dropoutMask), this.kernel.read()), bias);
      const state = masked(before, this.recurrentDropoutMask);
      const ofState = shift(tf.matMul(state, this.recurrentKernel.read()), recurrentBias);
      const [xz, xr, xh] = tf.split(ofInput, 3, 1) as [Tensor, Tensor, Tensor];
      const [hz, hr, hh] = tf.split(ofState, 3, 1) as [Tensor, Tensor, Tensor];
      const z = this.recurrentActivation.apply(tf.add(xz, hz));
      const r = this.recurrentActivation.apply(tf.add(xr, hr));
      const candidate = this.activation.apply(tf.add(xh, tf.mul(r, hh)));
      const after = tf.add(candidate, tf.mul(z, tf.sub(before, candidate)));
      return [after, after];
    });
  }

  /** Once for all steps of a sequence; the layer takes them away when the next one begins. */
  #drawMasks(x: Tensor, state: Tensor): void {
    const draw = (like: Tensor, rate: number): Tensor[] => {
      const ones = tf.onesLike(like);
      return [tf.keep(this.dropoutFunc?.(ones, rate) ?? tf.dropout(ones, rate))];
    };
    if (this.dropout > 0) this.dropoutMask ??= draw(x, this.dropout);
    if (this.recurrentDropout > 0) this.recurrentDropoutMask ??= draw(state, this.recurrentDropout);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), resetAfter: this.resetAfter };
  }
}

interface Gru {
  cell: GRUCell;
  readonly stateful: boolean;
  readonly goBackwards: boolean;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
}

/** tfjs-layers' GRU with that cell. Without mask, dropout inside and unusual activations it runs as `gruSequence`. */
export class GRU extends registeredClass<Gru, GruArgs>('GRU') {
  static readonly className: string = 'GRU';

  constructor({ resetAfter = false, ...args }: GruArgs & { resetAfter?: boolean }) {
    super({ ...args });
    if (resetAfter) this.cell = new GRUCell({ ...args, resetAfter });
  }

  override call(inputs: Tensor | Tensor[], kwargs: CallArguments): Tensor | Tensor[] {
    if (!this.#fits(kwargs)) return super.call(inputs, kwargs as never);
    return tf.tidy(() => {
      const [x, ...states] = [inputs].flat() as [Tensor, ...Tensor[]];
      const { cell } = this;
      const h0 = kwargs.initialState?.[0] ?? states[0] ?? tf.zeros([x.shape[0] as number, cell.units]);
      const bias = cell.bias?.read() ?? tf.zeros([2, 3 * cell.units]);
      const ordered = this.goBackwards ? tf.reverse(x, 1) : x;
      const weights = { kernel: cell.kernel.read(), recurrentKernel: cell.recurrentKernel.read(), bias };
      const whole = this.returnSequences;
      const found = gruSequence(ordered, weights, h0, whole);
      if (!this.returnState) return found;
      return [found, whole ? lastStep(found) : found];
    });
  }

  #fits(kwargs: CallArguments): boolean {
    const { cell } = this;
    const draws = kwargs.training === true && (cell.dropout > 0 || cell.recurrentDropout > 0);
    const isUsual = cell.activation.getClassName() === 'tanh' && cell.recurrentActivation.getClassName() === 'sigmoid';
    return cell.resetAfter === true && isUsual && !draws && !this.stateful && (kwargs.mask ?? null) === null;
  }
}

register(GRUCell);
register(GRU);

function masked(x: Tensor, mask: readonly Tensor[] | null): Tensor {
  return mask?.[0] === undefined ? x : tf.mul(x, mask[0]);
}

/** [batch, time, units] → [batch, units] */
function lastStep(sequence: Tensor): Tensor {
  const [batch, time, units] = sequence.shape as [number, number, number];
  return tf.reshape(tf.slice(sequence, [0, time - 1, 0], [batch, 1, units]), [batch, units]);
}
