import { lossNames, metricNames, optimizerNames } from '../../shared/job/index.ts';
import { activationEntries, layerEntries } from '../../shared/layers/index.ts';

/** What is proved of a row. */
export const proofs = {
  one: '1 worker',
  many: '2, 3 workers: same bits',
  keras: 'as Keras',
  compiled: 'compiled',
} as const;

export type Proof = keyof typeof proofs;

export interface ExampleRow {
  /** In examples/, without `.ts`. */
  readonly example: string;
}

const by = (example: string): ExampleRow => ({ example });

export const modelFamilies: Readonly<Record<string, ExampleRow>> = {
  'convolutional network': by('small-cnn'),
  'recurrent network: bidirectional LSTM, GRU and SimpleRNN, stacked': by('recurrent-stack'),
  'autoencoder, dense': by('autoencoder-dense'),
  'autoencoder, convolutional': by('autoencoder-convolutional'),
  'autoencoder, denoising': by('autoencoder-denoising'),
  'Transformer encoder as a classifier': by('transformer-classifier'),
  'causal language model, with generation': by('language-model'),
};

export const architectures: Readonly<Record<string, ExampleRow>> = {
  Sequential: by('small-cnn'),
  'Model with several inputs and outputs, a loss for each': by('two-inputs'),
  'functional, with shared layers and merges': by('two-inputs'),
  'own loss and metric': by('own-loss'),
  'subclassed model and own loop': by('own-loop'),
};

/** Rows by kind: from the tables in code, so that none can be forgotten. */
export const coverageRows = {
  models: Object.keys(modelFamilies),
  architectures: Object.keys(architectures),
  layers: Object.keys(layerEntries),
  activations: Object.keys(activationEntries),
  optimizers: [...optimizerNames],
  losses: [...lossNames],
  metrics: [...metricNames],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type CoverageKind = keyof typeof coverageRows;

export interface CoverageRow {
  readonly kind: CoverageKind;
  readonly row: string;
}

/** The rows that an example shows. */
export function rowsOfExample(example: string): CoverageRow[] {
  const tables = { models: modelFamilies, architectures } as const;
  return (['models', 'architectures'] as const).flatMap((kind) =>
    Object.entries(tables[kind])
      .filter(([, entry]) => entry.example === example)
      .map(([row]) => ({ kind, row })),
  );
}
