import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import {
  lossNames,
  metricNames,
  nearestName,
  optimizerNames,
  optimizers,
  resolveLoss,
  resolveMetric,
  resolveOptimizer,
} from '../../shared/job/index.ts';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof LockstepError);
    assert.equal(error.code, 'job/invalid');
    return error.message;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

test('an optimizer by name has Keras 3’s defaults', () => {
  assert.deepEqual(resolveOptimizer('sgd'), { name: 'sgd', learningRate: 0.01, momentum: 0, nesterov: false });
  assert.deepEqual(resolveOptimizer('Adam'), optimizers.adam());
  assert.deepEqual(resolveOptimizer('RMSprop'), optimizers.rmsprop());
  assert.deepEqual(resolveOptimizer('AdamW'), { ...optimizers.adam(), name: 'adamW', weightDecay: 0.004 });
  assert.deepEqual(resolveOptimizer('Adagrad'), {
    name: 'adagrad',
    learningRate: 0.001,
    initialAccumulatorValue: 0.1,
    epsilon: 1e-7,
  });
  assert.deepEqual(resolveOptimizer('adamax'), { ...optimizers.adam(), name: 'adamax' });
  assert.deepEqual(resolveOptimizer('nadam'), { ...optimizers.adam(), name: 'nadam' });
  assert.deepEqual(resolveOptimizer('adadelta'), { name: 'adadelta', learningRate: 0.001, rho: 0.95, epsilon: 1e-7 });
});

test('an optimizer’s options replace its defaults and survive being resolved again', () => {
  const config = optimizers.adam({ learningRate: 0.1 });
  assert.deepEqual(config, { name: 'adam', learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 });
  assert.deepEqual(resolveOptimizer(config), config);
});

test('a misspelt optimizer or option is answered with the one that was meant', () => {
  assert.match(
    messageOf(() => resolveOptimizer('admm')),
    /"admm"; did you mean "adam"/,
  );
  assert.match(
    messageOf(() => resolveOptimizer({ name: 'sgd', lerningRate: 1 })),
    /no option "lerningRate"; did you mean "learningRate"/,
  );
  assert.match(
    messageOf(() => resolveOptimizer(undefined)),
    /value of type undefined.*sgd, adam, adamW, rmsprop, adagrad, adadelta, adamax, nadam/,
  );
});

test('an option outside of its range says what is allowed and what it got', () => {
  assert.match(
    messageOf(() => optimizers.sgd({ learningRate: -1 })),
    /learningRate must be a finite number of at least 0 or what a function of `schedules` returned, got -1/,
  );
  assert.match(
    messageOf(() => optimizers.adam({ beta2: 1 })),
    /beta2 must be a number from 0 to below 1, got 1/,
  );
  assert.match(
    messageOf(() => optimizers.sgd({ learningRate: Number.NaN })),
    /got NaN/,
  );
  assert.match(
    messageOf(() => optimizers.sgd({ nesterov: true })),
    /nesterov needs a momentum/,
  );
});

test('weight decay and one way of clipping go with every optimizer', () => {
  for (const name of optimizerNames) {
    const config = resolveOptimizer({ name, weightDecay: 0.1, clipNorm: 1 });
    assert.deepEqual([config.weightDecay, config.clipNorm], [0.1, 1]);
  }
  assert.match(
    messageOf(() => optimizers.nadam({ clipNorm: 1, globalClipNorm: 1 })),
    /nadam: only one of clipValue, clipNorm, globalClipNorm may be set, got clipNorm and globalClipNorm/,
  );
  assert.match(
    messageOf(() => optimizers.sgd({ clipValue: 0 })),
    /sgd: clipValue must be a finite number above 0, got 0/,
  );
  assert.match(
    messageOf(() => resolveOptimizer({ name: 'adamW', weight_decay: 0.1 })),
    /no option "weight_decay"; did you mean "weightDecay"/,
  );
  assert.match(
    messageOf(() => optimizers.adamW({ weightDecay: Number.NaN })),
    /weightDecay must be a finite number of at least 0, got NaN/,
  );
});

test('losses and metrics are known in Keras’s spellings too', () => {
  for (const name of lossNames) assert.equal(resolveLoss(name), name);
  for (const name of metricNames) assert.equal(resolveMetric(name), name);
  assert.equal(resolveLoss('sparse_categorical_crossentropy'), 'sparseCategoricalCrossentropy');
  assert.equal(resolveLoss('mse'), 'meanSquaredError');
  assert.equal(resolveMetric('acc'), 'accuracy');
  assert.match(
    messageOf(() => resolveLoss('binaryCrossEntrpy')),
    /did you mean "binaryCrossentropy"/,
  );
});

test('the nearest name is the one with the fewest edits', () => {
  assert.equal(nearestName('acuracy', metricNames), 'accuracy');
  assert.equal(nearestName('MeanSquareError', lossNames), 'meanSquaredError');
});
