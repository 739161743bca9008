/**
 * Recurrent layers on each other: a bidirectional LSTM, a GRU and a SimpleRNN tell in which third of a noisy sequence a
 * pulse is. It makes its own data.
 *
 *   npx lockstep train examples/recurrent-stack.ts --workers 2
 */
import { datasets, defineJob, layers, models, optimizers } from 'lockstep';

const time = 12;
const features = 2;

/** Sequences with numbers from `first` on: small waves, and a pulse in one step. */
function pulses(first: number, samples: number) {
  const at = (sample: number) => ((first + sample) * 7) % time;
  const values = Float32Array.from({ length: samples * time * features }, (_, index) => {
    const sample = Math.floor(index / (time * features));
    const step = Math.floor(index / features) % time;
    return 0.3 * Math.sin(1.7 * (first + sample) + 2.3 * index) + (step === at(sample) ? 1.5 : 0);
  });
  const thirds = Float32Array.from({ length: samples }, (_, sample) => Math.floor((3 * at(sample)) / time));
  return datasets.arrays({
    inputs: { values, shape: [time, features] },
    targets: { values: thirds, shape: [1] },
  });
}

export default defineJob({
  model: () =>
    models.sequential([
      layers.bidirectional({ layer: layers.lstm({ units: 8, returnSequences: true }), inputShape: [time, features] }),
      layers.gru({ units: 8, returnSequences: true }),
      layers.simpleRNN({ units: 8 }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ]),
  optimizer: optimizers.adam({ learningRate: 0.01 }),
  loss: 'sparseCategoricalCrossentropy',
  metrics: ['accuracy'],
  data: { train: pulses(0, 240), test: pulses(240, 60) },
  batchSize: 20,
  epochs: 6,
  seed: 1,
});
