import { deriveKey } from '../../shared/core/index.ts';
import { GRUCell } from './layers/gru.ts';
import type { NativeBackend } from './native-backend.ts';
import { tf } from './tf.ts';

/** What the random layers of tfjs-layers keep, outside of its published types. */
interface RandomLayer {
  readonly rate: number;
  readonly stddev: number;
  readonly seed?: number | null;
  /** Nothing where the user gave no noiseShape: then it is the input's. */
  getNoiseShape(input: tf.Tensor): readonly (number | null)[] | null | undefined;
  call(inputs: tf.Tensor | tf.Tensor[], kwargs?: { training?: boolean }): tf.Tensor | tf.Tensor[];
}

type Draw = (layer: RandomLayer, input: tf.Tensor, random: Random) => tf.Tensor;

/** Values of the given shape, each a function of the step's seed and the call's number in the step. */
interface Random {
  uniform(shape: readonly number[]): tf.Tensor;
  normal(shape: readonly number[]): tf.Tensor;
}

let current: { readonly seed: tf.Tensor; calls: number } | undefined;

/** The seed of a microstep, [2] of int32: different for each (run seed, step, lane). */
export function stepSeed(runSeed: number, step: number, lane: number): Int32Array<ArrayBuffer> {
  return new Int32Array([deriveKey(runSeed, step, lane), deriveKey(lane, step, runSeed)]);
}

/** While `fn` runs, random layers draw from `seed`; the n-th draw inside it is always the same function of it. */
export function withStepSeed<T>(seed: tf.Tensor, fn: () => T): T {
  const before = current;
  current = { seed, calls: 0 };
  try {
    return fn();
  } finally {
    current = before;
  }
}

/**
 * Lets tfjs's random layers draw by TensorFlow's counter-based generator instead of element by element in JavaScript:
 * faster, and a recorded step then draws anew each time it runs, because the seed is an input of it.
 */
export function installRandomLayers(backend: NativeBackend): void {
  replaceDraw(backend, tf.layers.dropout({ rate: 0.5 }), drawDropout);
  replaceDraw(backend, tf.layers.spatialDropout1d({ rate: 0.5 }), drawDropout);
  replaceDraw(backend, tf.layers.gaussianNoise({ stddev: 1 }), (layer, input, random) =>
    tf.add(input, tf.mul(random.normal(input.shape), layer.stddev)),
  );
  replaceDraw(backend, tf.layers.gaussianDropout({ rate: 0.5 }), (layer, input, random) => {
    const stddev = Math.sqrt(layer.rate / (1 - layer.rate));
    return tf.mul(input, tf.add(tf.mul(random.normal(input.shape), stddev), 1));
  });
  replaceDraw(backend, tf.layers.alphaDropout({ rate: 0.5 }), drawAlphaDropout);
  const { lstmCell, gruCell, simpleRNNCell, convLstm2dCell } = tf.layers;
  const cells = [lstmCell, gruCell, simpleRNNCell].map((make) => make({ units: 1 }));
  const others = [convLstm2dCell({ filters: 1, kernelSize: 1 }), new GRUCell({ units: 1, resetAfter: true })];
  for (const cell of [...cells, ...others]) replaceMasks(backend, cell);
}

const drawDropout: Draw = (layer, input, random) => {
  const shape = (layer.getNoiseShape(input) ?? input.shape).map((size, axis) => size ?? input.shape[axis] ?? 1);
  return dropOut(input, layer.rate, shape, random);
};

/** Each value is kept with probability 1 − rate and then divided by it. */
function dropOut(input: tf.Tensor, rate: number, shape: readonly number[], random: Random): tf.Tensor {
  const kept = tf.cast(tf.greaterEqual(random.uniform(shape), rate), 'float32');
  return tf.mul(input, tf.mul(kept, 1 / (1 - rate)));
}

/** Klambauer et al., 2017, "Self-Normalizing Neural Networks": keeps mean and variance of SELU's outputs. */
const drawAlphaDropout: Draw = (layer, input, random) => {
  const { rate } = layer;
  const saturation = -1.6732632423543772 * 1.0507009873554805;
  const kept = tf.cast(tf.greaterEqual(random.uniform(input.shape), rate), 'float32');
  const scale = ((1 - rate) * (1 + rate * saturation ** 2)) ** -0.5;
  const dropped = tf.mul(tf.sub(1, kept), saturation);
  return tf.add(tf.mul(tf.add(tf.mul(input, kept), dropped), scale), -scale * saturation * rate);
};

function replaceDraw(backend: NativeBackend, sample: tf.layers.Layer, draw: Draw): void {
  const prototype = Object.getPrototypeOf(sample) as RandomLayer;
  const own = Object.hasOwn(prototype, 'call') ? prototype.call : undefined;
  const inherited = prototype.call;
  prototype.call = function call(this: RandomLayer, inputs, kwargs) {
    const step = current;
    const idle = this.rate !== undefined && (this.rate <= 0 || this.rate >= 1);
    if (step === undefined || kwargs?.training !== true || idle) return (own ?? inherited).call(this, inputs, kwargs);
    const input = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor;
    return tf.tidy(() => draw(this, input, randomFor(backend, step, this.seed ?? 0)));
  };
}

/** A cell of a recurrent layer, which draws its masks once for all steps of a sequence. */
interface RecurrentCell {
  /** What it makes of ones; undefined for tfjs's own dropout. */
  dropoutFunc: ((ones: tf.Tensor, rate: number) => tf.Tensor) | undefined;
  call(inputs: tf.Tensor[], kwargs: unknown): tf.Tensor[];
}

function replaceMasks(backend: NativeBackend, sample: tf.layers.Layer): void {
  const prototype = Object.getPrototypeOf(sample) as RecurrentCell;
  const inherited = prototype.call;
  prototype.call = function call(this: RecurrentCell, inputs, kwargs) {
    const step = current;
    this.dropoutFunc = step && ((ones, rate) => dropOut(ones, rate, ones.shape, randomFor(backend, step, 0)));
    return inherited.call(this, inputs, kwargs);
  };
}

function randomFor(
  backend: NativeBackend,
  step: { readonly seed: tf.Tensor; calls: number },
  layerSeed: number,
): Random {
  const { binding } = backend;
  const run = (op: string, shape: readonly number[]): tf.Tensor => {
    const call = step.calls++;
    const seed = tf.add(step.seed, tf.tensor1d([deriveKey(call, layerSeed) | 0, call], 'int32'));
    const attrs = [
      { name: 'dtype', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
      { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
      { name: 'Tseed', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
    ];
    return backend.executeSingleOutput(op, attrs, [tf.tensor1d([...shape], 'int32'), seed]) as unknown as tf.Tensor;
  };
  return {
    uniform: (shape) => run('StatelessRandomUniform', shape),
    normal: (shape) => run('StatelessRandomNormal', shape),
  };
}
