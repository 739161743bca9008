import { at } from '../../shared/core/index.ts';
import type { NativeBackend, OpAttr, TensorLike } from './native-backend.ts';
import type { tf as Tf } from './tf.ts';

type Tensor = Tf.Tensor;
type Tfjs = typeof Tf;

/** What BlockLSTMV2 was given and what it made. Sequences are [time, batch, units]. */
export interface LstmRun {
  readonly x: Tensor; // [time, batch, features]
  readonly w: Tensor; // [features + units, 4·units], gates in the order i f c o
  readonly b: Tensor; // [4·units]
  readonly h0: Tensor; // [batch, units]
  readonly c0: Tensor;
  /** i, cs, f, o, ci, co, h: the op's outputs in its order. */
  readonly made: readonly Tensor[];
}

export interface LstmGradients {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly b: Tensor;
  readonly h0: Tensor;
  readonly c0: Tensor;
}

/**
 * The gradient of BlockLSTMV2. BlockLSTMGradV2 multiplies by the weights and sums their gradient step by step, in
 * matrices of a batch's rows; here only what really depends on the next step is done by steps, the gates'
 * gradients, and each of the three products with features and weights is one multiplication over all steps.
 *
 * @param dh gradient of each step's output, [batch, units], or null where nothing reads it
 * @param dc gradient of each step's cell state, likewise
 */
export function lstmGradients(
  tf: Tfjs,
  backend: NativeBackend,
  run: LstmRun,
  dh: readonly (Tensor | null)[],
  dc: readonly (Tensor | null)[],
): LstmGradients {
  const { x, w, b, h0, c0, made } = run;
  const [time, batch, features] = x.shape as [number, number, number];
  const units = at(h0.shape, 1);
  const { binding } = backend;
  const type: OpAttr = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const peephole: OpAttr = { name: 'use_peephole', type: binding.TF_ATTR_BOOL, value: false };
  const none = tf.zeros([units]);
  const cellGradient = (inputs: TensorLike[]): [Tensor, Tensor] => {
    const [dcBefore, dGates] = backend.executeMultipleOutputs('LSTMBlockCellGrad', [type, peephole], inputs, 5);
    return [dcBefore, dGates] as unknown as [Tensor, Tensor];
  };

  // LSTMBlockCellGrad has the gates in the order i c f o. Turned over once: a product with a transposed matrix takes 26 µs
  // instead of 16, and there is one for each step. The swap comes last, or TensorFlow would fold the turn back in.
  const turned = swapMiddleGates(tf, tf.transpose(w), 0); // [4·units, features + units]
  const [ofInput, ofState] = tf.split(turned, [features, units], 1) as [Tensor, Tensor];
  const steps = [x, ...made].map((sequence) => tf.unstack(sequence, 0));
  const zero = tf.zeros([batch, units]);
  const sum = (a: Tensor | null, b: Tensor | null): Tensor =>
    a === null ? (b ?? zero) : b === null ? a : tf.add(a, b);
  const dGates: Tensor[] = [];
  let dhNext: Tensor | null = null;
  let dcNext: Tensor | null = null;
  for (let step = time - 1; step >= 0; step--) {
    const [xt, i, cs, f, o, ci, co] = steps.map((sequence) => at(sequence, step)) as Tensor[] & { length: 8 };
    const before = step === 0 ? { c: c0, h: h0 } : { c: at(at(steps, 2), step - 1), h: at(at(steps, 7), step - 1) };
    const later = [sum(at(dc, step), dcNext), sum(at(dh, step), dhNext)];
    const inputs = [xt, before.c, before.h, w, none, none, none, b, i, cs, f, o, ci, co, ...later];
    const [dcBefore, dGate] = cellGradient(inputs as Tensor[]);
    dGates[step] = dGate;
    dcNext = dcBefore;
    dhNext = matMul(backend, dGate, ofState);
  }
  const dGate = tf.concat(dGates, 0); // [time·batch, 4·units]
  const hs = at(made, 6);
  const flatX = tf.reshape(x, [time * batch, features]);
  // Two products of what lies in memory already: laid side by side first, features and states would be copied.
  const ofFeatures = matMul(backend, flatX, dGate, true);
  const ofStates = matMul(backend, before(tf, h0, hs), dGate, true);
  // A product with ones sums over the rows in a third of the time that TensorFlow's sum takes.
  const bias = matMul(backend, tf.ones([1, time * batch]), dGate);
  return {
    x: tf.reshape(matMul(backend, dGate, ofInput), x.shape),
    w: swapMiddleGates(tf, tf.concat([ofFeatures, ofStates], 0), 1),
    b: swapMiddleGates(tf, tf.reshape(bias, [4 * units]), 0),
    h0: sum(dhNext, null),
    c0: sum(dcNext, null),
  };
}

/** The state before each step, [time·batch, units]. */
function before(tf: Tfjs, h0: Tensor, hs: Tensor): Tensor {
  const [time, batch, units] = hs.shape as [number, number, number];
  const all = tf.concat([tf.reshape(h0, [1, batch, units]), tf.slice(hs, 0, time - 1)], 0);
  return tf.reshape(all, [time * batch, units]);
}

/** i f c o ↔ i c f o along `axis`. */
function swapMiddleGates(tf: Tfjs, gates: Tensor, axis: number): Tensor {
  const [first, second, third, fourth] = tf.split(gates, 4, axis) as [Tensor, Tensor, Tensor, Tensor];
  return tf.concat([first, third, second, fourth], axis);
}

/** TensorFlow's plain product of matrices; tfjs's goes by way of batches of one. */
function matMul(backend: NativeBackend, a: Tensor, b: Tensor, transposeA = false): Tensor {
  const { TF_ATTR_BOOL, TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  const attrs: OpAttr[] = [
    { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: 'transpose_a', type: TF_ATTR_BOOL, value: transposeA },
    { name: 'transpose_b', type: TF_ATTR_BOOL, value: false },
  ];
  return backend.executeSingleOutput('MatMul', attrs, [a, b]) as unknown as Tensor;
}
