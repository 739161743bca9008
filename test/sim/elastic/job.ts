import { RandomStream } from '../../../shared/core/index.ts';
import type { Callback, TrainingControl } from '../../../shared/job/index.ts';
import { facts as defaults } from '../../support/membership-run.ts';
import type { SimulatedJob } from './worker.ts';

/** A job that the seed alone decides: the same for every number of workers and whatever happens to them. */
export function jobOf(seed: number): SimulatedJob & { readonly replicas: number } {
  const random = new RandomStream(seed, 1);
  const replicas = 1 + random.below(7);
  const epochs = 1 + random.below(4);
  const stepsPerEpoch = 2 + random.below(6);
  const globalBatchSize = 2 * replicas;
  const samples = stepsPerEpoch * globalBatchSize - random.below(replicas);
  const validationSamples = random.below(2) * globalBatchSize;
  const hasCallbacks = random.below(3) > 0;
  const common = { globalBatchSize, accumulate: 1, replicas, seed, shuffle: true };
  return {
    replicas,
    plan: {
      ...{ seed, precision: 'float32', compile: true, wire: 'float32', epochs, stepsPerEpoch },
      totalSteps: epochs * stepsPerEpoch,
      train: { ...common, samples },
    },
    facts: {
      ...defaults,
      ...{ trainSamples: samples, validationSamples, globalBatchSize, epochs, decidesEpochs: hasCallbacks },
    },
    callbacks: hasCallbacks ? () => [decider()] : null,
    batchMs: 5 + random.below(60),
  };
}

/** Decides by all that it was told of epochs so far, so that one that takes over must know all of it. */
function decider(): Callback {
  let seen = 0;
  const decide = (epoch: number, loss: number | undefined, control: TrainingControl): void => {
    seen = (seen * 31 + Math.round((loss ?? 0) * 1000) + epoch) % 65_521;
    if (seen % 3 > 0) control.setLearningRate(1 + (seen % 7));
    if (seen % 4 === 0) control.keepWeights();
    if (seen % 4 === 1) control.restoreWeights();
    if (seen % 11 === 0) control.stop('it is good enough');
  };
  return {
    onTrainBegin: (control) => control.setLearningRate(3),
    onTrainResume: (past, control) => {
      for (const { epoch, logs } of past) decide(epoch, logs['val_loss'] ?? logs['loss'], control);
    },
    onEpochEnd: (epoch, logs, control) => decide(epoch, logs['val_loss'] ?? logs['loss'], control),
  };
}
