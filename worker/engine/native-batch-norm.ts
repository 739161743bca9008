import type { NativeBackend, OpAttr } from './native-backend.ts';
import { tf } from './tf.ts';

type Tensor = tf.Tensor;

/** What the call reads of tfjs-layers' BatchNormalization, which its types don't publish. */
interface BatchNormalization {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly gamma?: tf.LayerVariable | null;
  readonly beta?: tf.LayerVariable | null;
  readonly movingMean: tf.LayerVariable;
  readonly movingVariance: tf.LayerVariable;
  call(inputs: Tensor | Tensor[], kwargs?: { readonly training?: boolean }): Tensor | Tensor[];
}

const KERNEL = 'LockstepFusedBatchNorm';

/**
 * Lets tfjs-layers' BatchNormalization train by TensorFlow's FusedBatchNormV3 and its gradient, where the channels come
 * last. tfjs composes moments, normalization and their gradients from some thirty passes over the values, and fails
 * without `scale` or `center`.
 */
export function installNativeBatchNorm(backend: NativeBackend): void {
  registerKernels(backend);
  const prototype = Object.getPrototypeOf(tf.layers.batchNormalization({})) as BatchNormalization;
  const composed = prototype.call;
  prototype.call = function call(this: BatchNormalization, inputs, kwargs) {
    const x = (Array.isArray(inputs) ? inputs[0] : inputs) as Tensor;
    const isLast = this.axis === -1 || this.axis === x.rank - 1;
    if (kwargs?.training !== true || !isLast) return composed.call(this, inputs, kwargs);
    return tf.tidy(() => train(this, x));
  };
}

function train(layer: BatchNormalization, x: Tensor): Tensor {
  const channels = x.shape.at(-1) as number;
  const rows = x.size / channels;
  const scale = layer.gamma?.read() ?? tf.ones([channels]);
  const offset = layer.beta?.read() ?? tf.zeros([channels]);
  const image = x.rank === 4 ? x : tf.reshape(x, [rows, 1, 1, channels]); // what the kernel takes
  const made = tf.engine().runKernel(KERNEL, { x: image, scale, offset }, { epsilon: layer.epsilon }) as Tensor[];
  const [y, mean, variance] = made as [Tensor, Tensor, Tensor];
  // The kernel divides by rows − 1, Keras by rows.
  move(layer.movingMean, mean, layer.momentum);
  move(layer.movingVariance, tf.mul(variance, (rows - 1) / rows), layer.momentum);
  return x.rank === 4 ? y : tf.reshape(y, x.shape);
}

function move(average: tf.LayerVariable, value: Tensor, momentum: number): void {
  const before = average.read();
  average.write(tf.sub(before, tf.mul(tf.sub(before, value), 1 - momentum)));
}

function registerKernels(backend: NativeBackend): void {
  const { TF_ATTR_BOOL, TF_ATTR_FLOAT, TF_ATTR_STRING, TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  const attributes = (epsilon: number): OpAttr[] => [
    { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: 'U', type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: 'data_format', type: TF_ATTR_STRING, value: 'NHWC' },
    { name: 'is_training', type: TF_ATTR_BOOL, value: true },
    { name: 'epsilon', type: TF_ATTR_FLOAT, value: epsilon },
  ];
  const run = (op: string, attrs: OpAttr[], inputs: Tensor[], outputs: number): Tensor[] =>
    backend.executeMultipleOutputs(op, attrs, inputs, outputs) as unknown as Tensor[];

  tf.registerKernel({
    kernelName: KERNEL,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) => {
      const { x, scale, offset } = inputs as unknown as Record<string, Tensor>;
      const { epsilon } = attrs as unknown as { epsilon: number };
      const none = tf.tensor1d([]);
      const all = [x, scale, offset, none, none] as Tensor[];
      const factor = { name: 'exponential_avg_factor', type: TF_ATTR_FLOAT, value: 1 };
      const made = run('FusedBatchNormV3', [...attributes(epsilon), factor], all, 6);
      none.dispose();
      return made;
    },
  });
  tf.registerKernel({
    kernelName: `${KERNEL}Grad`,
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, attrs }) => {
      const { dy, x, scale, r1, r2, r3 } = inputs as unknown as Record<string, Tensor>;
      const { epsilon } = attrs as unknown as { epsilon: number };
      const made = run('FusedBatchNormGradV3', attributes(epsilon), [dy, x, scale, r1, r2, r3] as Tensor[], 5);
      for (const unused of made.slice(3)) unused.dispose();
      return made.slice(0, 3);
    },
  });
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ['x', 'scale'],
    outputsToSave: [false, false, false, true, true, true],
    gradFunc: (dys, saved, attrs) => {
      const [x, scale, r1, r2, r3] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor];
      const [dy] = dys as Tensor[];
      const inputs = { dy: dy as Tensor, x, scale, r1, r2, r3 };
      const grads = tf.engine().runKernel(`${KERNEL}Grad`, inputs, attrs) as Tensor[];
      return { x: () => grads[0] as Tensor, scale: () => grads[1] as Tensor, offset: () => grads[2] as Tensor };
    },
  });
}
