import { tf } from '../tf.ts';

type Tensor = tf.Tensor;

export interface GruWeights {
  readonly kernel: Tensor; // [features, 3 · units], gates in Keras's order z r h
  readonly recurrentKernel: Tensor; // [units, 3 · units]
  readonly bias: Tensor; // [2, 3 · units]: of the input, of the state
}

/** What a step leaves for the gradient, each [batch, units], the gates z and r side by side. */
interface Step {
  readonly before: Tensor;
  readonly gates: Tensor; // [batch, 2 · units]
  readonly candidate: Tensor;
  /** The candidate's part of the state's product, before the reset gate. */
  readonly recurrent: Tensor;
}

/**
 * All steps of a GRU whose reset gate acts after the product (Cho et al., 2014, in the form of Keras's `reset_after`):
 *
 *     z, r = σ(x W + b + h U + c), candidate = tanh(x W + b + r · (h U + c)), h' = z · h + (1 − z) · candidate
 *
 * The products with the inputs are one multiplication over all steps, and so are the four gradients that are sums over
 * steps; only what depends on the step before, or after, is done by steps. TensorFlow's GRUBlockCell is the other form,
 * where the reset gate acts before the product.
 *
 * @param x [batch, time, features]
 * @param h0 [batch, units]
 * @returns [batch, time, units] if `whole`, else the last step's [batch, units]
 */
export function gruSequence(
  x: Tensor,
  { kernel, recurrentKernel, bias }: GruWeights,
  h0: Tensor,
  whole: boolean,
): Tensor {
  const run = tf.customGrad((...args) => {
    const [x, w, u, b, h0, save] = args as unknown as [Tensor, Tensor, Tensor, Tensor, Tensor, (t: Tensor[]) => void];
    const [batch, time, features] = x.shape as [number, number, number];
    const units = h0.shape[1] as number;
    const [ofInput, ofState] = tf.unstack(b) as [Tensor, Tensor];
    const steps = tf.transpose(x, [1, 0, 2]); // [time, batch, features]
    const flat = tf.reshape(steps, [time * batch, features]);
    const inputs = tf.unstack(tf.reshape(tf.add(tf.matMul(flat, w), ofInput), [time, batch, 3 * units]));
    const made: Step[] = [];
    const outputs: Tensor[] = [];
    let h = h0;
    for (const input of inputs) {
      const step = forward(input, h, u, ofState, units);
      made.push(step);
      const [z] = tf.split(step.gates, 2, 1) as [Tensor, Tensor];
      h = tf.add(step.candidate, tf.mul(z, tf.sub(h, step.candidate)));
      outputs.push(h);
    }
    save([
      flat,
      w,
      u,
      ...made.flatMap(({ before, gates, candidate, recurrent }) => [before, gates, candidate, recurrent]),
    ]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
      const [flat, w, u, ...kept] = saved as [Tensor, Tensor, Tensor, ...Tensor[]];
      const run = Array.from({ length: time }, (_, step) => {
        const [before, gates, candidate, recurrent] = kept.slice(4 * step) as [Tensor, Tensor, Tensor, Tensor];
        return { before, gates, candidate, recurrent };
      });
      const dh = whole ? tf.unstack(dy, 1) : [...new Array<null>(time - 1).fill(null), dy];
      const grads = backward(run, u, dh);
      const dx = tf.reshape(tf.matMul(grads.inputs, w, false, true), [time, batch, features]);
      const states = tf.concat(
        run.map(({ before }) => before),
        0,
      ); // [time · batch, units]
      return [
        tf.transpose(dx, [1, 0, 2]),
        tf.matMul(flat, grads.inputs, true),
        tf.matMul(states, grads.states, true),
        tf.stack([tf.sum(grads.inputs, 0), tf.sum(grads.states, 0)]),
        grads.h0,
      ];
    };
    const value = whole ? tf.stack(outputs, 1) : h;
    return {
      value: value === h0 ? value.clone() : value,
      gradFunc: gradFunc as unknown as (dy: Tensor, saved: Tensor[]) => Tensor,
    };
  });
  return run(x, kernel, recurrentKernel, bias, h0);
}

function forward(input: Tensor, before: Tensor, u: Tensor, bias: Tensor, units: number): Step {
  const state = tf.add(tf.matMul(before, u), bias);
  const [inputGates, inputCandidate] = tf.split(input, [2 * units, units], 1) as [Tensor, Tensor];
  const [stateGates, recurrent] = tf.split(state, [2 * units, units], 1) as [Tensor, Tensor];
  const gates = tf.sigmoid(tf.add(inputGates, stateGates));
  const [, r] = tf.split(gates, 2, 1) as [Tensor, Tensor];
  return { before, gates, recurrent, candidate: tf.tanh(tf.add(inputCandidate, tf.mul(r, recurrent))) };
}

interface Gradients {
  /** Of the products with inputs and with states, [time · batch, 3 · units]. */
  readonly inputs: Tensor;
  readonly states: Tensor;
  readonly h0: Tensor;
}

/** @param outputs gradient of each step's output, or null where nothing reads it */
function backward(run: readonly Step[], u: Tensor, outputs: readonly (Tensor | null)[]): Gradients {
  // Turned over once: a product with a transposed matrix takes longer, and there is one for each step.
  const turned = tf.transpose(u);
  const [inputs, states]: [Tensor[], Tensor[]] = [[], []];
  let later: Tensor | null = null;
  for (let step = run.length - 1; step >= 0; step--) {
    const { before, gates, candidate, recurrent } = run[step] as Step;
    const own = outputs[step] ?? null;
    const dh: Tensor = own === null ? (later as Tensor) : later === null ? own : tf.add(own, later);
    const [z, r] = tf.split(gates, 2, 1) as [Tensor, Tensor];
    const kept = tf.mul(dh, z);
    // Before tanh: dh · (1 − z) · (1 − candidate²).
    const dCandidate = tf.mul(tf.sub(dh, kept), tf.sub(1, tf.square(candidate)));
    const dOutside = tf.concat([tf.mul(dh, tf.sub(before, candidate)), tf.mul(dCandidate, recurrent)], 1);
    // Before σ: times gate · (1 − gate).
    const dGates = tf.mul(dOutside, tf.mul(gates, tf.sub(1, gates)));
    const dState = tf.concat([dGates, tf.mul(dCandidate, r)], 1);
    inputs[step] = tf.concat([dGates, dCandidate], 1);
    states[step] = dState;
    later = tf.add(kept, tf.matMul(dState, turned));
  }
  return { inputs: tf.concat(inputs, 0), states: tf.concat(states, 0), h0: later as Tensor };
}
