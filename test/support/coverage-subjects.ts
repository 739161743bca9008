import { type LossName, lossNames, optimizerNames, optimizers, type TensorSpec } from '../../shared/job/index.ts';
import { type ActivationName, activationEntries, layerEntries } from '../../shared/layers/index.ts';
import { layers, type tf } from '../../worker/engine/index.ts';
import { models } from '../../worker/models/index.ts';
import type { CoverageKind } from './coverage-rows.ts';
import { layerGoldens } from './keras-layer-cases.ts';
import { modelAround } from './keras-layer-models.ts';

/** What targets a loss takes: any numbers, −1 and 1, positive ones, distributions, class numbers, 0 and 1. */
export type TargetKind = 'real' | 'positive' | 'oneHot' | 'labels' | 'binary';

/** A row of the coverage table as a small model to train. */
export interface Subject {
  readonly kind: CoverageKind;
  readonly row: string;
  readonly inputs: readonly TensorSpec[];
  /** Inputs are whole numbers below it. */
  readonly vocabulary?: number;
  readonly target: TargetKind;
  readonly build: () => tf.LayersModel;
  readonly loss: LossName;
  readonly optimizer: ReturnType<(typeof optimizers)['sgd']>;
}

/** Values of a target's sample, or classes: as many as the models have outputs. */
export const OUTPUTS = 2;

const vector: readonly TensorSpec[] = [{ shape: [6], dtype: 'float32' }];
const plain = {
  inputs: vector,
  target: 'real',
  loss: 'meanSquaredError',
  optimizer: optimizers.sgd({ learningRate: 0.01 }),
} as const;

/** A loss that is not here is a type error. */
const targets: Readonly<Record<LossName, TargetKind>> = {
  categoricalCrossentropy: 'oneHot',
  sparseCategoricalCrossentropy: 'labels',
  binaryCrossentropy: 'binary',
  crossentropy: 'oneHot',
  categoricalFocalCrossentropy: 'oneHot',
  binaryFocalCrossentropy: 'binary',
  meanSquaredError: 'real',
  meanAbsoluteError: 'real',
  meanAbsolutePercentageError: 'positive',
  meanSquaredLogarithmicError: 'positive',
  huber: 'real',
  logCosh: 'real',
  cosineSimilarity: 'real',
  hinge: 'binary',
  squaredHinge: 'binary',
  categoricalHinge: 'oneHot',
  klDivergence: 'oneHot',
  poisson: 'positive',
};

/** Every layer, activation, optimizer and loss of the tables. */
export function coverageSubjects(): Subject[] {
  return [
    ...Object.keys(layerEntries).map(layerSubject),
    ...(Object.keys(activationEntries) as ActivationName[]).map((row) => ({
      ...{ ...plain, kind: 'activations' as const, row },
      build: () => network([layers.dense({ units: 5, activation: row, inputShape: [6] })]),
    })),
    ...optimizerNames.map((row) => ({
      ...{ ...plain, kind: 'optimizers' as const, row, optimizer: optimizers[row]() as Subject['optimizer'] },
      build: () => network([layers.dense({ units: 5, activation: 'tanh', inputShape: [6] })]),
    })),
    ...lossNames.map((row) => ({
      ...{ ...plain, kind: 'losses' as const, row, loss: row, target: targets[row] },
      build: () => network([layers.dense({ units: 5, activation: 'tanh', inputShape: [6] })], finalOf(targets[row])),
    })),
  ];
}

function finalOf(target: TargetKind): ActivationName {
  if (target === 'real') return 'linear';
  if (target === 'positive') return 'softplus';
  return target === 'binary' ? 'sigmoid' : 'softmax';
}

function network(stages: readonly tf.layers.Layer[], activation: ActivationName = 'linear'): tf.LayersModel {
  return models.sequential([...stages, layers.dense({ units: OUTPUTS, activation })]);
}

/** Inside of a model with trained layers before and behind, as one of its cases in the parity tests has it. */
function layerSubject(row: string): Subject {
  const common = { ...plain, kind: 'layers' as const, row };
  if (row === 'transformerEncoder') {
    const build = () => {
      const input = models.input({ shape: [5, 4] });
      const block = layers.transformerEncoder({ numHeads: 2, intermediateDim: 6, dropout: 0.2 });
      const mean = layers.globalAveragePooling1d().apply(block.apply(layers.dense({ units: 4 }).apply(input)));
      return models.model({ inputs: input, outputs: layers.dense({ units: OUTPUTS }).apply(mean) });
    };
    return { ...common, inputs: [{ shape: [5, 4], dtype: 'float32' }], build };
  }
  const subject = layerGoldens.cases.find((candidate) => candidate.layers.some(({ layer }) => layer === row));
  if (subject === undefined) throw new Error(`no case of ${row} among those of the parity tests`);
  const { name: _, ...model } = modelAround(subject);
  return { ...common, ...model };
}
