import { at } from '../../shared/core/index.ts';
import { lstmGradients } from './lstm-gradient.ts';
import type { NativeBackend, OpAttr, TensorLike } from './native-backend.ts';
import type { tf as Tf } from './tf.ts';

type Tensor = Tf.Tensor;
type Tfjs = typeof Tf;

/** What the fused call reads of tfjs-layers' LSTM, whose types don't publish it. */
interface LstmLayer {
  readonly cell: {
    readonly units: number;
    readonly useBias: boolean;
    readonly activation: { getClassName(): string };
    readonly recurrentActivation: { getClassName(): string };
    readonly dropout: number;
    readonly recurrentDropout: number;
    readonly kernel: { read(): Tensor };
    readonly recurrentKernel: { read(): Tensor };
    readonly bias: { read(): Tensor };
  };
  readonly stateful: boolean;
  readonly goBackwards: boolean;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  call(inputs: Tensor | Tensor[], kwargs?: LstmCallArguments): Tensor | Tensor[];
}

interface LstmCallArguments {
  readonly mask?: Tensor | null;
  readonly initialState?: readonly Tensor[] | null;
}

/** An int64 scalar as tfjs-node passes it to the addon: two int32 words, low one first. */
type Int64Scalar = new (value: number) => TensorLike;

/**
 * Lets tfjs-layers' LSTM run as TensorFlow's BlockLSTMV2, one op for all time steps, and its gradient as
 * lstm-gradient.ts has it, wherever its configuration is what those compute: tanh and sigmoid, bias, no dropout inside,
 * no mask, not stateful. Others stay unrolled. (72 ms → 15 ms a step for 64 units, length 100, batch 32, one core.)
 */
export function installFusedLstm(tf: Tfjs, backend: NativeBackend, Int64: Int64Scalar): void {
  const prototype = Object.getPrototypeOf(tf.layers.lstm({ units: 1 })) as LstmLayer;
  const unrolled = prototype.call;
  prototype.call = function call(this: LstmLayer, inputs, kwargs) {
    return fits(this, kwargs)
      ? tf.tidy(() => runFused(tf, backend, Int64, this, inputs, kwargs?.initialState ?? null))
      : unrolled.call(this, inputs, kwargs);
  };
}

function fits(layer: LstmLayer, kwargs: LstmCallArguments | undefined): boolean {
  const { cell } = layer;
  return (
    cell.useBias &&
    cell.activation.getClassName() === 'tanh' &&
    cell.recurrentActivation.getClassName() === 'sigmoid' &&
    (cell.dropout ?? 0) === 0 &&
    (cell.recurrentDropout ?? 0) === 0 &&
    !layer.stateful &&
    (kwargs?.mask ?? null) === null
  );
}

function runFused(
  tf: Tfjs,
  backend: NativeBackend,
  Int64: Int64Scalar,
  layer: LstmLayer,
  inputs: Tensor | Tensor[],
  initialState: readonly Tensor[] | null,
): Tensor | Tensor[] {
  const [x, ...given] = Array.isArray(inputs) ? inputs : [inputs];
  if (x === undefined) throw new Error('invariant broken: an LSTM is called with an input');
  const { cell } = layer;
  const [batch, time] = x.shape as [number, number, number]; // [batch, time, features]
  const states = initialState ?? (given.length > 0 ? given : null);
  const h0 = states?.[0] ?? tf.zeros([batch, cell.units]);
  const c0 = states?.[1] ?? tf.zeros([batch, cell.units]);
  const kernel = tf.concat([cell.kernel.read(), cell.recurrentKernel.read()], 0);
  let steps = tf.transpose(x, [1, 0, 2]); // [time, batch, features]
  if (layer.goBackwards) steps = tf.reverse(steps, 0);
  const read: Read = layer.returnState ? 'outputs and cells' : layer.returnSequences ? 'outputs' : 'last output';
  const run = blockLstm(tf, backend, new Int64(time), read);
  // V2 of the op keeps the gates in Keras's order: input, forget, cell, output.
  const [hs, cs] = run(steps, kernel, cell.bias.read(), h0, c0);
  const output = layer.returnSequences ? tf.transpose(hs, [1, 0, 2]) : lastStep(tf, hs);
  return cs === undefined ? output : [output, lastStep(tf, hs), lastStep(tf, cs)];
}

/** Which of an LSTM's results the model goes on with. */
type Read = 'last output' | 'outputs' | 'outputs and cells';

/** [time, batch, units] → [batch, units]; a single step as well. */
function lastStep(tf: Tfjs, sequence: Tensor): Tensor {
  const [time, batch, units] = sequence.shape as [number, number, number];
  return tf.reshape(tf.slice(sequence, [time - 1, 0, 0], [1, batch, units]), [batch, units]);
}

/**
 * (x [time, batch, features], w [features + units, 4·units], b [4·units], h0, c0) → outputs and, where asked for, cell
 * states, both [time, batch, units]; the last output alone is [1, batch, units].
 */
function blockLstm(tf: Tfjs, backend: NativeBackend, time: TensorLike, read: Read) {
  const withCells = read === 'outputs and cells';
  const { binding } = backend;
  const type: OpAttr = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const peephole: OpAttr = { name: 'use_peephole', type: binding.TF_ATTR_BOOL, value: false };
  const clip: OpAttr = { name: 'cell_clip', type: binding.TF_ATTR_FLOAT, value: 0 };
  const run = (op: string, attrs: OpAttr[], inputs: TensorLike[], outputs: number): Tensor[] => {
    const ids = backend.getInputTensorIds([time, ...inputs]);
    try {
      const made = backend.binding.executeOp(op, attrs, ids, outputs);
      return made.map((metadata) => backend.createOutputTensor(metadata) as unknown as Tensor);
    } finally {
      // tfjs-node uploads an int64 scalar for each op that reads it, and forgets it.
      backend.binding.deleteTensor(at(ids, 0));
    }
  };

  return (x: Tensor, w: Tensor, b: Tensor, h0: Tensor, c0: Tensor): [Tensor, Tensor?] => {
    const forward = tf.customGrad((...args) => {
      const [x, w, b, h0, c0, save] = args as unknown as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        (t: Tensor[]) => void,
      ];
      const none = tf.zeros([at(h0.shape, 1)]);
      const made = run('BlockLSTMV2', [type, clip, peephole], [x, c0, h0, w, none, none, none, b], 7);
      save([x, w, b, h0, c0, ...made]);
      const [cs, hs] = [at(made, 1), at(made, 6)];
      // tf.customGrad knows one result: two sequences leave stacked along the features.
      const value = withCells ? tf.concat([hs, cs], 2) : read === 'outputs' ? hs : tf.expandDims(lastStep(tf, hs), 0);
      const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
        const [x, w, b, h0, c0, ...made] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor, ...Tensor[]];
        const none = new Array<Tensor | null>(at(x.shape, 0)).fill(null);
        const [dhs, dcs] = withCells ? tf.split(dy, 2, 2) : [dy];
        // The gradient of the last output alone would be a sequence of zeros but for its end.
        const dh = read === 'last output' ? none.with(-1, tf.squeeze(dy, [0])) : tf.unstack(dhs as Tensor, 0);
        const dc = dcs === undefined ? none : tf.unstack(dcs, 0);
        const grads = lstmGradients(tf, backend, { x, w, b, h0, c0, made }, dh, dc);
        return [grads.x, grads.w, grads.b, grads.h0, grads.c0];
      };
      return { value, gradFunc: gradFunc as unknown as (dy: Tensor, saved: Tensor[]) => Tensor };
    });
    const value = forward(x, w, b, h0, c0);
    return withCells ? (tf.split(value, 2, 2) as [Tensor, Tensor]) : [value];
  };
}
