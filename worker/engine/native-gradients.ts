import type { NativeBackend, OpAttr } from './native-backend.ts';
import type { tf as Tf } from './tf.ts';

type Tensor = Tf.Tensor;
type Tfjs = typeof Tf;

/**
 * Registers TensorFlow's own gradient kernels where tfjs composes a gradient from several ops (the step function
 * behind ReLU's alone is six). They change nothing but speed, apart from a NaN input to ReLU.
 */
export function installNativeGradients(tf: Tfjs, backend: NativeBackend): void {
  const { binding } = backend;
  const type: OpAttr = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const run = (op: string, ...inputs: Tensor[]): Tensor =>
    backend.executeSingleOutput(op, [type], inputs) as unknown as Tensor;

  /** A gradient that is one op over (dy, saved output) or (saved output, dy). */
  const fromOutput = (kernel: string, gradient: string, order: 'dy-first' | 'y-first'): void => {
    const own = `Lockstep${gradient}`;
    tf.registerKernel({
      kernelName: own,
      backendName: 'tensorflow',
      kernelFunc: ({ inputs }) => {
        const { dy, y } = inputs as unknown as { dy: Tensor; y: Tensor };
        return order === 'dy-first' ? run(gradient, dy, y) : run(gradient, y, dy);
      },
    });
    tf.unregisterGradient(kernel);
    tf.registerGradient({
      kernelName: kernel,
      outputsToSave: [true],
      gradFunc: (dy, saved) => ({
        x: () => tf.engine().runKernel(own, { dy: dy as Tensor, y: saved[0] as Tensor }) as Tensor,
      }),
    });
  };

  fromOutput('Relu', 'ReluGrad', 'dy-first');
  fromOutput('Relu6', 'Relu6Grad', 'dy-first');
  fromOutput('Sigmoid', 'SigmoidGrad', 'y-first');
  fromOutput('Tanh', 'TanhGrad', 'y-first');
  sumOverTiles(tf);
}

/** The gradient of a tiling sums over the copies; tfjs slices out each of them and adds them one by one. */
function sumOverTiles(tf: Tfjs): void {
  tf.unregisterGradient('Tile');
  tf.registerGradient({
    kernelName: 'Tile',
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attrs) => {
      const { shape } = saved[0] as Tensor;
      const { reps } = attrs as unknown as { reps: readonly number[] };
      // [copies of the first dimension, first dimension, copies of the second, …]
      const apart = shape.flatMap((size, dimension) => [reps[dimension] ?? 1, size]);
      const copies = shape.map((_, dimension) => 2 * dimension);
      return { x: () => tf.sum(tf.reshape(dy as Tensor, apart), copies) };
    },
  });
}

/**
 * Gathering rows without reading the indices back into JavaScript, as tfjs-node does to check them: TensorFlow's CPU
 * kernel reports an index out of range itself.
 */
export function installNativeGather(tf: Tfjs, backend: NativeBackend): void {
  const { TF_ATTR_INT, TF_ATTR_TYPE, TF_FLOAT, TF_INT32 } = backend.binding;
  tf.unregisterKernel('GatherV2', 'tensorflow');
  tf.registerKernel({
    kernelName: 'GatherV2',
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) => {
      const { x, indices } = inputs as unknown as { x: Tensor; indices: Tensor };
      const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number };
      const at = tf.scalar(axis, 'int32');
      const attributes: OpAttr[] = [
        { name: 'batch_dims', type: TF_ATTR_INT, value: batchDims },
        { name: 'Tparams', type: TF_ATTR_TYPE, value: x.dtype === 'int32' ? TF_INT32 : TF_FLOAT },
        { name: 'Tindices', type: TF_ATTR_TYPE, value: TF_INT32 },
        { name: 'Taxis', type: TF_ATTR_TYPE, value: TF_INT32 },
      ];
      const gathered = backend.executeSingleOutput('GatherV2', attributes, [x, indices, at]);
      at.dispose();
      return gathered as unknown as Tensor;
    },
  });
}
