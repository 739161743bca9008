/**
 * A Transformer's encoder as a classifier: does the first word occur again in the sentence? Sentences are padded, and
 * attention and the mean leave the padding out. It makes its own data.
 *
 *   npx lockstep train examples/transformer-classifier.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

const words = 12;
const length = 8;
const features = 16;

/** Sentences by number: 5 to 8 words from 1 on, then zeros. Every second one repeats its first word. */
function sentences(first: number, samples: number) {
  const values = new Int32Array(samples * length);
  const labels = new Float32Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    const number = first + sample;
    const [opening, size] = [1 + (number % (words - 1)), 5 + (number % 4)];
    const sentence = Array.from({ length: size }, (_, at) => 1 + ((opening + at * (1 + (number % 5))) % (words - 1)));
    const repeats = number % 2 === 1;
    const others = sentence.map((word) => (word === opening ? 1 + (opening % (words - 1)) : word));
    others[0] = opening;
    if (repeats) others[1 + (Math.floor(number / 2) % (size - 1))] = opening;
    values.set(others, sample * length);
    labels[sample] = repeats ? 1 : 0;
  }
  return datasets.arrays({ inputs: { values, shape: [length] }, targets: { values: labels, shape: [1] } });
}

export default defineJob({
  model: () => {
    const sentence = models.input({ shape: [length] });
    const embedding = layers.embedding({ inputDim: words, outputDim: features, maskZero: true });
    const embedded = embedding.apply(sentence);
    const placed = layers.add().apply([embedded, layers.positionEmbedding({ sequenceLength: length }).apply(embedded)]);
    const encoder = layers.transformerEncoder({ numHeads: 4, intermediateDim: 32, activation: 'gelu' });
    const mean = layers.globalAveragePooling1d().apply(encoder.apply(placed));
    const answer = layers.dense({ units: 2, activation: 'softmax' }).apply(mean);
    return models.model({ inputs: sentence, outputs: answer });
  },
  optimizer: optimizers.adam({ learningRate: 0.005 }),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: sentences(0, 480), test: sentences(480, 80) },
  batchSize: 40,
  epochs: 15,
  seed: 1,
});
