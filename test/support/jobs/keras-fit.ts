import { readFileSync } from 'node:fs';
import { type Dataset, datasets, defineJob, type JobInput, metrics, optimizers, tf } from 'lockstep';

interface Part {
  readonly inputs: readonly number[];
  readonly labels: readonly number[];
  readonly sizes: readonly number[];
  readonly weights: readonly number[];
}

/** A case of goldens/fit.json. */
export interface FitGolden {
  readonly train: Part;
  readonly test: Part;
  readonly initial: readonly (readonly number[])[];
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly tested: Readonly<Record<string, number>>;
  readonly weights: readonly (readonly number[])[];
}

const goldens = new URL('../../parity/goldens/fit.json', import.meta.url);
const name = process.env['KERAS_FIT_CASE'] ?? 'sample-weights';
const golden = JSON.parse(readFileSync(goldens, 'utf8'))[name] as FitGolden;
const isWeighted = ['sample-weights', 'two-outputs-weighted'].includes(name);
const hasTwoOutputs = name.startsWith('two-outputs');
const hasLabels = hasTwoOutputs || name === 'class-weights-of-labels';

function dataset({ inputs, labels, sizes, weights }: Part): Dataset {
  const oneHot = labels.flatMap((label) => [0, 1, 2].map((index) => Number(index === label)));
  const kind = hasLabels ? { values: Int32Array.from(labels), shape: [] } : { values: oneHot, shape: [3] };
  const targets = hasTwoOutputs ? [{ values: sizes, shape: [2] }, kind] : kind;
  const plain = datasets.arrays({ inputs: { values: inputs, shape: [4] }, targets });
  return isWeighted ? plain.sampleWeights(weights) : plain;
}

function build(): tf.LayersModel {
  const input = tf.input({ shape: [4] });
  const kernelRegularizer = tf.regularizers.l2({ l2: 0.01 });
  const hidden = tf.layers.dense({ units: 5, activation: 'tanh', ...(hasTwoOutputs ? {} : { kernelRegularizer }) });
  const features = hidden.apply(input) as tf.SymbolicTensor;
  const size = tf.layers.dense({ units: 2, name: 'size' });
  const shape = tf.layers.dense({ units: 3, activation: 'softmax', name: 'shape' });
  const outputs = (hasTwoOutputs ? [size, shape] : [shape]).map((layer) => layer.apply(features) as tf.SymbolicTensor);
  const model = tf.model({ inputs: input, outputs });
  model.setWeights(
    model.weights.map((weight, index) => tf.tensor([...(golden.initial[index] ?? [])], weight.shape as number[])),
  );
  return model;
}

const measured: Pick<JobInput, 'loss' | 'lossWeights' | 'metrics' | 'weightedMetrics'> = hasTwoOutputs
  ? {
      loss: { size: 'meanSquaredError', shape: 'sparseCategoricalCrossentropy' },
      lossWeights: { size: 0.3, shape: 2 },
      metrics: { size: ['meanAbsoluteError'], shape: ['accuracy'] },
      weightedMetrics: { shape: ['accuracy'] },
    }
  : hasLabels
    ? { loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] }
    : {
        loss: 'categoricalCrossentropy',
        metrics: ['accuracy'],
        weightedMetrics: ['accuracy', metrics.auc({ name: 'auc' })],
      };

/** What keras_fit.py has Keras do. */
export default defineJob({
  model: build,
  optimizer: optimizers.sgd({ learningRate: 0.1 }),
  ...measured,
  data: { train: dataset(golden.train), test: dataset(golden.test) },
  ...(name.startsWith('class-weights') ? { classWeight: { 0: 0.5, 2: 3 } } : { validationSplit: 0.25 }),
  batchSize: 16,
  epochs: 3,
  shuffle: false,
});
