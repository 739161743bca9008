import type * as Tfjs from '@tensorflow/tfjs';
import type { LossName, TensorSpec } from '../../shared/job/index.ts';
import { batchRows, type WorkloadName } from './workloads.ts';

/** Lockstep's instance of TensorFlow.js, or the one inside tfjs-node. */
export type Tf = typeof Tfjs;

export interface TfjsWorkload {
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  readonly loss: LossName;
  buildModel(tf: Tf): Tfjs.LayersModel;
}

const image: TensorSpec = { shape: [64, 64, 3], dtype: 'float32' };
const pixels: TensorSpec = { shape: [784], dtype: 'float32' };
const features: TensorSpec = { shape: [1024], dtype: 'float32' };
const words: TensorSpec = { shape: [100], dtype: 'float32' };
const sequence: TensorSpec = { shape: [128, 128], dtype: 'float32' };
const classes = (count: number): TensorSpec => ({ shape: [count], dtype: 'float32' });

export const vocabulary = 10_000;

export const tfjsWorkloads: { readonly [Name in WorkloadName]: TfjsWorkload } = {
  cnn: {
    ...{ inputs: [image], targets: [classes(10)], loss: 'categoricalCrossentropy' },
    buildModel: (tf) =>
      tf.sequential({
        layers: [
          tf.layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [64, 64, 3] }),
          tf.layers.maxPooling2d({ poolSize: 2 }),
          tf.layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
          tf.layers.maxPooling2d({ poolSize: 2 }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 64, activation: 'relu' }),
          tf.layers.dense({ units: 10, activation: 'softmax' }),
        ],
      }),
  },
  lstm: {
    ...{ inputs: [words], targets: [classes(46)], loss: 'categoricalCrossentropy' },
    buildModel: (tf) =>
      tf.sequential({
        layers: [
          tf.layers.embedding({ inputDim: vocabulary, outputDim: 64, inputLength: 100 }),
          tf.layers.lstm({ units: 64, recurrentActivation: 'sigmoid' }),
          tf.layers.dense({ units: 46, activation: 'softmax' }),
        ],
      }),
  },
  transformer: {
    ...{ inputs: [sequence], targets: [classes(10)], loss: 'categoricalCrossentropy' },
    buildModel: (tf) => {
      const input = tf.input({ shape: [128, 128] });
      let x = input;
      for (let block = 0; block < 2; block++) {
        const attended = selfAttention(tf, 4).apply(x) as Tfjs.SymbolicTensor;
        x = normalized(tf, x, attended);
        const hidden = tf.layers.dense({ units: 512, activation: 'relu' }).apply(x);
        x = normalized(tf, x, tf.layers.dense({ units: 128 }).apply(hidden) as Tfjs.SymbolicTensor);
      }
      const pooled = tf.layers.globalAveragePooling1d().apply(x);
      const output = tf.layers.dense({ units: 10, activation: 'softmax' }).apply(pooled);
      return tf.model({ inputs: input, outputs: output as Tfjs.SymbolicTensor });
    },
  },
  dense: {
    ...{ inputs: [features], targets: [classes(10)], loss: 'categoricalCrossentropy' },
    buildModel: (tf) => {
      const hidden = Array.from({ length: 16 }, (_, layer) =>
        tf.layers.dense({ units: 1024, activation: 'relu', ...(layer === 0 ? { inputShape: [1024] } : {}) }),
      );
      return tf.sequential({ layers: [...hidden, tf.layers.dense({ units: 10, activation: 'softmax' })] });
    },
  },
  autoencoder: {
    ...{ inputs: [pixels], targets: [pixels], loss: 'meanSquaredError' },
    buildModel: (tf) =>
      tf.sequential({
        layers: [
          tf.layers.dense({ units: 256, activation: 'relu', inputShape: [784] }),
          tf.layers.dense({ units: 64, activation: 'relu' }),
          tf.layers.dense({ units: 256, activation: 'relu' }),
          tf.layers.dense({ units: 784, activation: 'sigmoid' }),
        ],
      }),
  },
};

function normalized(tf: Tf, x: Tfjs.SymbolicTensor, change: Tfjs.SymbolicTensor): Tfjs.SymbolicTensor {
  const sum = tf.layers.add().apply([x, change]);
  return tf.layers.layerNormalization({ epsilon: 1e-5 }).apply(sum) as Tfjs.SymbolicTensor;
}

/**
 * Multi-head self-attention (Vaswani et al., 2017) over [batch, time, features], with biases, on `matMul` alone: the
 * layer that tfjs-layers has needs einsum's gradient, which TensorFlow.js lacks.
 */
export function selfAttention(tf: Tf, heads: number): Tfjs.layers.Layer {
  class SelfAttention extends tf.layers.Layer {
    static className = 'SelfAttention';
    #projection: Tfjs.LayerVariable | undefined;
    #projectionBias: Tfjs.LayerVariable | undefined;
    #output: Tfjs.LayerVariable | undefined;
    #outputBias: Tfjs.LayerVariable | undefined;

    override build(inputShape: Tfjs.Shape): void {
      const features = inputShape.at(-1) as number;
      const glorot = tf.initializers.glorotUniform({});
      this.#projection = this.addWeight('projection', [features, 3 * features], 'float32', glorot);
      this.#projectionBias = this.addWeight('projection_bias', [3 * features], 'float32', tf.initializers.zeros());
      this.#output = this.addWeight('output', [features, features], 'float32', glorot);
      this.#outputBias = this.addWeight('output_bias', [features], 'float32', tf.initializers.zeros());
      this.built = true;
    }

    override call(inputs: Tfjs.Tensor | Tfjs.Tensor[]): Tfjs.Tensor {
      return tf.tidy(() => {
        const x = (Array.isArray(inputs) ? inputs[0] : inputs) as Tfjs.Tensor3D;
        const [batch, time, features] = x.shape;
        const depth = features / heads;
        const flat = tf.reshape(x, [batch * time, features]);
        const projected = tf.add(tf.matMul(flat, read(this.#projection)), read(this.#projectionBias));
        // [query/key/value, batch, head, time, depth]
        const split = tf.transpose(tf.reshape(projected, [batch, time, 3, heads, depth]), [2, 0, 3, 1, 4]);
        const [query, key, value] = tf.unstack(split) as [Tfjs.Tensor, Tfjs.Tensor, Tfjs.Tensor];
        const scores = tf.matMul(tf.mul(query, 1 / Math.sqrt(depth)), key, false, true);
        const attended = tf.matMul(tf.softmax(scores), value); // [batch, head, time, depth]
        const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [batch * time, features]);
        const output = tf.add(tf.matMul(joined, read(this.#output)), read(this.#outputBias));
        return tf.reshape(output, [batch, time, features]);
      });
    }

    override computeOutputShape(inputShape: Tfjs.Shape): Tfjs.Shape {
      return inputShape;
    }

    override getConfig(): Tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), heads };
    }
  }
  return new SelfAttention();
}

function read(weight: Tfjs.LayerVariable | undefined): Tfjs.Tensor2D {
  if (weight === undefined) throw new Error('invariant broken: a layer is built before it is called');
  return weight.read() as Tfjs.Tensor2D;
}

export interface BatchArrays {
  readonly inputs: readonly Float32Array[];
  readonly targets: readonly Float32Array[];
}

/** Made-up samples, one batch if not said otherwise; `next` gives numbers in [0, 1). */
export function makeBatch(name: WorkloadName, next: () => number, rows = batchRows): BatchArrays {
  const { inputs, targets } = tfjsWorkloads[name];
  const size = (spec: TensorSpec | undefined): number => (spec?.shape ?? []).reduce((a, b) => a * b, 1);
  const draw = name === 'lstm' ? () => Math.floor(next() * vocabulary) : next;
  const input = Float32Array.from({ length: rows * size(inputs[0]) }, draw);
  if (name === 'autoencoder') return { inputs: [input], targets: [input] };
  const count = size(targets[0]);
  const target = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) target[row * count + Math.floor(next() * count)] = 1;
  return { inputs: [input], targets: [target] };
}
