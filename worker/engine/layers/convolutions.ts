import { LockstepError } from '../../../shared/core/index.ts';
import { tf } from '../tf.ts';
import { type Dilated, dilated } from './dilation.ts';
import { register, registeredClass, single, singleShape } from './registered-class.ts';

type Tensor = tf.Tensor;
type Conv2dOptions = Parameters<typeof tf.layers.conv2d>[0];
type Conv1dOptions = Parameters<typeof tf.layers.conv1d>[0];

/** What is used of tfjs-layers' convolutions, whose types don't publish it. */
interface Convolution extends Dilated {
  kernel: tf.LayerVariable;
  readonly bias: tf.LayerVariable | null;
  readonly strides: readonly number[];
  readonly activation: { apply(x: Tensor): Tensor } | null;
}

export interface GroupedArgs {
  /** Channels are cut in this many groups, each with its share of the filters. */
  groups?: number;
}

interface Conv2DArgs extends Conv2dOptions, GroupedArgs {}
interface Conv1DArgs extends Conv1dOptions, GroupedArgs {}

/**
 * tfjs-layers' convolution in as many groups as asked for: TensorFlow's own kernel has none on CPUs in training, so each
 * group is a convolution of its own. Dilation has a gradient here.
 */
export class Conv2D extends registeredClass<Convolution, Conv2DArgs>('Conv2D') {
  static readonly className: string = 'Conv2D';
  readonly #groups: number;

  constructor({ groups = 1, ...args }: Conv2DArgs) {
    super(args);
    this.#groups = checkGroups(this.name, groups, args);
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    super.build(shareOfChannels(this.name, inputShape, this.#groups));
    if (this.#groups > 1) takeAllChannels(this, inputShape);
  }

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    const run = (x: Tensor, plain: this): Tensor => {
      if (this.#groups === 1) return super.call.call(plain, x, kwargs as never) as Tensor;
      const convolve = (x: Tensor, filters: Tensor): Tensor =>
        tf.conv2d(
          x as tf.Tensor4D,
          filters as tf.Tensor4D,
          plain.strides as [number, number],
          plain.padding as 'valid',
        );
      return finish(this, inGroups(x, this.kernel.read(), this.#groups, convolve));
    };
    return tf.tidy(() => withoutDilation(this, single(inputs), run));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), groups: this.#groups };
  }
}

/** As Conv2D, and with causal padding: zeros before the first step alone, so that no step sees later ones. */
export class Conv1D extends registeredClass<Convolution, Conv1DArgs>('Conv1D') {
  static readonly className: string = 'Conv1D';
  readonly #groups: number;
  readonly #isCausal: boolean;

  constructor({ groups = 1, ...args }: Conv1DArgs) {
    const isCausal = args.padding === 'causal';
    super(isCausal ? { ...args, padding: 'valid' } : args);
    this.#isCausal = isCausal;
    this.#groups = checkGroups(this.name, groups, args);
  }

  /** Steps of zeros before a causal convolution. */
  get #before(): number {
    return this.#isCausal ? ((this.kernelSize[0] ?? 1) - 1) * (this.dilationRate[0] ?? 1) : 0;
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    super.build(shareOfChannels(this.name, inputShape, this.#groups));
    if (this.#groups > 1) takeAllChannels(this, inputShape);
  }

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    const run = (x: Tensor, plain: this): Tensor => {
      if (this.#groups === 1) return super.call.call(plain, x, kwargs as never) as Tensor;
      const convolve = (x: Tensor, filters: Tensor): Tensor =>
        tf.conv1d(x as tf.Tensor3D, filters as tf.Tensor3D, plain.strides[0] ?? 1, plain.padding as 'valid');
      return finish(this, inGroups(x, this.kernel.read(), this.#groups, convolve));
    };
    return tf.tidy(() => {
      const given = single(inputs);
      const padded = this.#isCausal
        ? tf.pad(given, [
            [0, 0],
            [this.#before, 0],
            [0, 0],
          ])
        : given;
      return withoutDilation(this, padded, run);
    });
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch = null, time = null, channels = null] = singleShape(inputShape);
    const padded = time === null ? null : time + this.#before;
    return super.computeOutputShape([batch, padded, channels]) as tf.Shape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const config = { ...super.getConfig(), groups: this.#groups };
    return this.#isCausal ? { ...config, padding: 'causal' } : config;
  }
}

type DepthwiseOptions = Parameters<typeof tf.layers.depthwiseConv2d>[0];
type SeparableOptions = Parameters<typeof tf.layers.separableConv2d>[0];
interface DepthwiseArgs extends DepthwiseOptions {}
interface SeparableArgs extends SeparableOptions {}

/** tfjs-layers' own; dilation has a gradient here. */
export class DepthwiseConv2D extends registeredClass<Convolution, DepthwiseArgs>('DepthwiseConv2D') {
  static readonly className: string = 'DepthwiseConv2D';

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    const run = (x: Tensor, plain: this): Tensor => super.call.call(plain, x, kwargs as never) as Tensor;
    return tf.tidy(() => withoutDilation(this, single(inputs), run));
  }
}

/** tfjs-layers' own; dilation has a gradient here. */
export class SeparableConv2D extends registeredClass<Convolution, SeparableArgs>('SeparableConv2D') {
  static readonly className: string = 'SeparableConv2D';

  override call(inputs: Tensor | Tensor[], kwargs: object): Tensor {
    const run = (x: Tensor, plain: this): Tensor => super.call.call(plain, x, kwargs as never) as Tensor;
    return tf.tidy(() => withoutDilation(this, single(inputs), run));
  }
}

for (const made of [Conv2D, Conv1D, DepthwiseConv2D, SeparableConv2D]) register(made);

/** @param run the layer's call, with the layer as it would be without dilation */
function withoutDilation<L extends Dilated>(layer: L, x: Tensor, run: (x: Tensor, plain: L) => Tensor): Tensor {
  if (layer.dilationRate.every((rate) => rate === 1)) return run(x, layer);
  const ones = { value: layer.dilationRate.map(() => 1) };
  const plain = Object.create(layer, { dilationRate: ones, padding: { value: 'valid' } }) as L;
  return dilated(x, layer, (apart) => run(apart, plain));
}

function checkGroups(layer: string, groups: number, args: { filters: number; dataFormat?: string }): number {
  if (!(Number.isSafeInteger(groups) && groups > 0 && args.filters % groups === 0)) {
    throw invalid(layer, `groups must divide its ${args.filters} filters, got ${groups}`);
  }
  if (groups > 1 && args.dataFormat === 'channelsFirst') throw invalid(layer, 'groups need the channels last');
  return groups;
}

/** The input's shape as one group sees it. */
function shareOfChannels(layer: string, inputShape: tf.Shape | tf.Shape[], groups: number): tf.Shape {
  const shape = singleShape(inputShape);
  const channels = shape.at(-1) ?? 0;
  if (groups === 1) return shape;
  if (channels % groups !== 0)
    throw invalid(layer, `its ${groups} groups do not divide the input’s ${channels} channels`);
  return [...shape.slice(0, -1), channels / groups];
}

function takeAllChannels(layer: tf.layers.Layer, inputShape: tf.Shape | tf.Shape[]): void {
  const shape = singleShape(inputShape);
  layer.inputSpec = [new tf.InputSpec({ ndim: shape.length, axes: { [shape.length - 1]: shape.at(-1) as number } })];
}

function inGroups(x: Tensor, kernel: Tensor, groups: number, convolve: (x: Tensor, filters: Tensor) => Tensor): Tensor {
  const inputs = tf.split(x, groups, -1);
  const filters = tf.split(kernel, groups, -1);
  return tf.concat(
    inputs.map((input, group) => convolve(input, filters[group] as Tensor)),
    -1,
  );
}

function finish({ bias, activation }: Convolution, convolved: Tensor): Tensor {
  const shifted = bias === null || bias === undefined ? convolved : tf.add(convolved, bias.read());
  return activation === null ? shifted : activation.apply(shifted);
}

function invalid(layer: string, problem: string): LockstepError {
  return new LockstepError('job/invalid', `layer ${layer}: ${problem}`, { details: { layer } });
}
