/**
 * Processor time of compiled steps with layers as TensorFlow.js composes them and as Lockstep does, in turns, one thread:
 *
 *     node dist/test/bench/layer-gradients.js
 */
import { optimizers } from '../../shared/job/index.ts';
import { layers, loadEngine, type Trainer, tf } from '../../worker/engine/index.ts';
import { randomBatch } from '../support/engine-fixtures.ts';

const ROUNDS = 40;
const WARM_UP = 5;

/** A method as TensorFlow.js has it, and as Lockstep has it or might. */
class Replaced {
  readonly #prototype: Record<string, unknown>;
  readonly #method: string;
  readonly #before: unknown;
  #after: unknown;

  constructor(prototype: object, method: string, { before, after }: { before?: unknown; after?: unknown } = {}) {
    this.#prototype = prototype as Record<string, unknown>;
    this.#method = method;
    this.#before = before ?? this.#prototype[method];
    this.#after = after;
  }

  use(isOwn: boolean): void {
    this.#after ??= this.#prototype[this.#method];
    this.#prototype[this.#method] = isOwn ? this.#after : this.#before;
  }
}

const prototypeOf = (layer: tf.layers.Layer): { call: unknown } => Object.getPrototypeOf(layer) as { call: unknown };
const geluClass = tf.serialization.SerializationMap.getMap().classNameMap['gelu']?.[0] as unknown as {
  prototype: object;
};
const gruPrototype = prototypeOf(layers.gru({ units: 1 }));
const unrolled = (Object.getPrototypeOf(gruPrototype) as { call: unknown }).call;

// Before the engine replaces them.
const gelu = new Replaced(geluClass.prototype, 'apply', { after: closedFormGelu });
const batchNorm = new Replaced(prototypeOf(tf.layers.batchNormalization()), 'call');
const gru = new Replaced(gruPrototype, 'call', { before: unrolled });
const engine = await loadEngine('tensorflow', { threads: 1 });

type Tensor = tf.Tensor;

/**
 * A candidate that Lockstep leaves out, as it hardly pays: x · Φ(x) with the normal distribution's Φ(x) = (1 + erf(x / √2)) / 2 (Hendrycks and Gimpel, 2016). The gradient is
 * Φ(x) + x · φ(x), φ(x) = e^(−x² / 2) / √(2π).
 */
function closedFormGelu(x: Tensor): Tensor {
  const compute = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [Tensor, (tensors: Tensor[]) => void];
    const cumulative = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
    save([x, cumulative]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor => {
      const [x, cumulative] = saved as [Tensor, Tensor];
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.mul(dy, tf.add(cumulative, tf.mul(x, density)));
    };
    return { value: tf.mul(x, cumulative), gradFunc: gradFunc as (dy: Tensor, saved: Tensor[]) => Tensor };
  });
  return tf.tidy(() => compute(x));
}

function block(filters: number, first: object = {}): tf.layers.Layer[] {
  return [
    layers.conv2d({ filters, kernelSize: 3, ...first }),
    layers.batchNormalization(),
    layers.activation({ activation: 'relu' }),
    layers.maxPooling2d(),
  ];
}

interface Work {
  readonly name: string;
  readonly replaced: Replaced;
  readonly shape: readonly number[];
  readonly layers: () => tf.layers.Layer[];
}

const work: readonly Work[] = [
  {
    ...{ name: 'batch normalization: two blocks of a CNN, 32 × 32 × 3, batch 32', replaced: batchNorm },
    shape: [32, 32, 3],
    layers: () => [...block(32, { inputShape: [32, 32, 3] }), ...block(64), layers.flatten()],
  },
  {
    ...{ name: 'GELU: dense 128 → 512 → 128, 64 steps, batch 32', replaced: gelu, shape: [64, 128] },
    layers: () => [
      layers.dense({ units: 512, activation: 'gelu', inputShape: [64, 128] }),
      ...[layers.dense({ units: 128 }), layers.flatten()],
    ],
  },
  {
    ...{ name: 'GRU: 64 units of 64 features, length 100, batch 32', replaced: gru, shape: [100, 64] },
    layers: () => [layers.gru({ units: 64, inputShape: [100, 64] })],
  },
];

const inputsOf = ({ shape }: Work) => [{ shape, dtype: 'float32' as const }];
const targets = [{ shape: [4], dtype: 'float32' as const }];

function trainer(subject: Work): Promise<Trainer> {
  return engine.createTrainer({
    buildModel: () => tf.sequential({ layers: [...subject.layers(), layers.dense({ units: 4 })] }),
    optimizer: optimizers.sgd({ learningRate: 0.01 }),
    ...{ loss: 'meanSquaredError', metrics: [], seed: 1, bucketBytes: 1 << 24, rows: [32], compile: true },
    ...{ inputs: inputsOf(subject), targets },
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

for (const subject of work) {
  const trainers: Trainer[] = [];
  for (const isOwn of [false, true]) {
    subject.replaced.use(isOwn);
    trainers.push(await trainer(subject));
  }
  const batch = randomBatch({ inputs: inputsOf(subject), targets }, 32);
  const times: number[][] = [[], []];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [index, each] of trainers.entries()) {
      const start = process.cpuUsage();
      each.forwardBackward(batch, { step: 0, replica: 0, replicas: 1, globalSamples: 32 });
      const { user, system } = process.cpuUsage(start);
      if (round >= 0) times[index]?.push((user + system) / 1000);
    }
  }
  const [composed = 0, own = 0] = times.map(median);
  console.log(
    `${subject.name}: ${composed.toFixed(1)} ms composed, ${own.toFixed(1)} ms own (${(own / composed).toFixed(2)})`,
  );
  for (const each of trainers) each.close();
}
