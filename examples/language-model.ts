/**
 * A small causal language model of letters, a Transformer; generate-text.ts has it write. It makes its own data.
 *
 *   npx lockstep train examples/language-model.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

/** Tokens are places in this text. */
export const letters = ' abcdefghijklmnopqrstuvwxyz.';
const length = 24;

const text = ['cat', 'dog', 'fox', 'hen']
  .flatMap((animal, index) => {
    const place = ['mat', 'log', 'box', 'pen'][index];
    return [`the ${animal} sat on the ${place}.`, `a ${animal} ran to the ${place}.`];
  })
  .join(' ')
  .concat(' ')
  .repeat(2);

/** Stretches of the text, each with the letters that follow. */
function stretches(first: number, samples: number) {
  const tokens = [...text].map((letter) => letters.indexOf(letter));
  const at = (index: number, shift: number) => {
    const start = (first + Math.floor(index / length)) % (tokens.length - length - 1);
    return tokens[start + (index % length) + shift] ?? 0;
  };
  const cut = (shift: number) => Int32Array.from({ length: samples * length }, (_, index) => at(index, shift));
  return datasets.arrays({ inputs: { values: cut(0), shape: [length] }, targets: { values: cut(1), shape: [length] } });
}

export default defineJob({
  model: () => {
    const written = models.input({ shape: [length] });
    const embedded = layers.embedding({ inputDim: letters.length, outputDim: 32 }).apply(written);
    const placed = layers.add().apply([embedded, layers.positionEmbedding({ sequenceLength: length }).apply(embedded)]);
    const block = layers.transformerEncoder({ numHeads: 4, intermediateDim: 64, useCausalMask: true });
    const next = layers.dense({ units: letters.length, activation: 'softmax' }).apply(block.apply(placed));
    return models.model({ inputs: written, outputs: next });
  },
  optimizer: optimizers.adam({ learningRate: 0.005 }),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: stretches(0, 320), test: stretches(3, 64) },
  batchSize: 32,
  epochs: 24,
  seed: 1,
});
