import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type LearningRate, learningRateAt, optimizers, type Schedule, schedules } from '../../shared/job/index.ts';
import { thrown } from '../support/thrown.ts';

interface ScheduleGoldens {
  readonly steps: readonly number[];
  readonly cases: Readonly<Record<string, { readonly schedule: Schedule; readonly rates: readonly number[] }>>;
}

const file = new URL('../../../test/parity/goldens/schedules.json', import.meta.url);
const { steps, cases } = JSON.parse(readFileSync(file, 'utf8')) as ScheduleGoldens;

/** One float32 rounding, relative. */
const ROUNDING = 2 ** -24;

/**
 * The operations are Keras's, each rounded to float32 as there, but TensorFlow's power, logarithm and cosine may be
 * off by some units in the last place where ours are rounded correctly. The worst is a rate near a decay's end, a small
 * difference of numbers near 1, hence relative to the schedule's highest rate; restarts also subtract the finished
 * decays, up to some dozen lengths, from the steps so far.
 */
const TOLERANCE = 32 * ROUNDING;

for (const [name, { schedule, rates }] of Object.entries(cases)) {
  test(`${name} gives Keras’s learning rates`, () => {
    const resolved = optimizers.sgd({ learningRate: schedule }).learningRate;
    const highest = Math.max(...rates);
    for (const [index, step] of steps.entries()) {
      const [actual, expected] = [learningRateAt(resolved, step), rates[index] ?? Number.NaN];
      const off = Math.abs(actual - expected) / highest;
      assert.ok(off <= TOLERANCE, `step ${step}: ${actual} instead of ${expected}, off by ${off}`);
    }
  });
}

test('a constant learning rate is the float32 nearest to it, at every step', () => {
  for (const step of [0, 1, 1e9]) assert.equal(learningRateAt(0.1, step), Math.fround(0.1));
});

test('the warm-up of a cosine decay is that schedule’s own', () => {
  const cosine = { initialLearningRate: 0.1, decaySteps: 30, alpha: 0.01 };
  const wrapped = schedules.warmup({
    initialLearningRate: 0.001,
    warmupSteps: 9,
    schedule: schedules.cosineDecay(cosine),
  });
  const own = schedules.cosineDecay({ ...cosine, initialLearningRate: 0.001, warmupTarget: 0.1, warmupSteps: 9 });
  for (let step = 0; step < 60; step++) assert.equal(learningRateAt(wrapped, step), learningRateAt(own, step));
});

test('a warm-up starts from 0 and hands over to the schedule’s first step', () => {
  const decay = schedules.exponentialDecay({ initialLearningRate: 0.8, decaySteps: 1, decayRate: 0.5 });
  const rates = (schedule: LearningRate): number[] =>
    [0, 1, 2, 3, 4, 5, 6].map((step) => learningRateAt(schedules.warmup({ warmupSteps: 4, schedule }), step));
  assert.deepEqual(rates(1), [0, 0.25, 0.5, 0.75, 1, 1, 1]);
  assert.deepEqual(
    rates(decay),
    [0, 0.2, 0.4, 0.6, 0.8, 0.4, 0.2].map((rate) => Math.fround(rate)),
  );
  assert.equal(learningRateAt(schedules.warmup({ warmupSteps: 0, schedule: 0.5 }), 0), 0.5);
});

test('a schedule has Keras’s defaults and survives being resolved again', () => {
  const polynomial = schedules.polynomialDecay({ initialLearningRate: 0.1, decaySteps: 10 });
  assert.deepEqual(polynomial, {
    name: 'polynomialDecay',
    initialLearningRate: 0.1,
    decaySteps: 10,
    endLearningRate: 0.0001,
    power: 1,
    cycle: false,
  });
  const learningRate = schedules.warmup({ warmupSteps: 2, schedule: polynomial });
  assert.deepEqual(optimizers.adam({ learningRate }).learningRate, learningRate);
  assert.deepEqual(JSON.parse(JSON.stringify(learningRate)), learningRate);
});

const decay = { initialLearningRate: 0.1, decaySteps: 10 };
/** [what is wrong, making it, what the message must say] */
const bad: readonly (readonly [string, () => unknown, RegExp])[] = [
  [
    'a misspelt option',
    () => schedules.cosineDecay({ ...decay, alhpa: 0.1 } as Parameters<typeof schedules.cosineDecay>[0]),
    /schedule cosineDecay has no option "alhpa"; did you mean "alpha"/,
  ],
  [
    'a missing option',
    () => schedules.exponentialDecay(decay as Parameters<typeof schedules.exponentialDecay>[0]),
    /schedule exponentialDecay needs decayRate; options: initialLearningRate, decaySteps, decayRate, staircase/,
  ],
  [
    'no steps to decay over',
    () => schedules.cosineDecay({ ...decay, decaySteps: 0 }),
    /schedule cosineDecay: decaySteps must be a finite number above 0, got 0/,
  ],
  [
    'a warm-up to nowhere',
    () => schedules.cosineDecay({ ...decay, warmupSteps: 5 }),
    /cosineDecay: warmupSteps needs warmupTarget/,
  ],
  [
    'decays that become shorter',
    () => schedules.cosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 10, tMul: 0.5 }),
    /tMul must be a finite number of at least 1, got 0\.5/,
  ],
  [
    'as many values as boundaries',
    () => schedules.piecewiseConstantDecay({ boundaries: [10], values: [0.1] }),
    /values must be one more than boundaries, got 1 values for 1 boundaries/,
  ],
  [
    'boundaries that go back',
    () => schedules.piecewiseConstantDecay({ boundaries: [20, 10], values: [1, 2, 3] }),
    /boundaries must be an array of at least one whole number, each above the one before, got \[20,10\]/,
  ],
  [
    'a value that is no rate',
    () => schedules.piecewiseConstantDecay({ boundaries: [20], values: [1, -2] }),
    /values must be an array of finite numbers of at least 0, got \[1,-2\]/,
  ],
  [
    'a staircase that is no switch',
    () => schedules.inverseTimeDecay({ ...decay, decayRate: 1, staircase: 1 as unknown as boolean }),
    /staircase must be true or false, got 1/,
  ],
  [
    'a bad schedule within a warm-up',
    () => schedules.warmup({ warmupSteps: 3, schedule: { name: 'cosneDecay' } as unknown as Schedule }),
    /unknown schedule "cosneDecay"; did you mean "cosineDecay"/,
  ],
  [
    'a warm-up to a text',
    () => schedules.warmup({ warmupSteps: 3, schedule: 'fast' as unknown as number }),
    /schedule warmup: schedule must be a finite number of at least 0 or what a function of `schedules` .* got fast/,
  ],
  [
    'a function as learning rate',
    () => optimizers.adam({ learningRate: (() => 0.1) as unknown as number }),
    /optimizer adam: learningRate must be .* function of `schedules` returned, got/,
  ],
];
for (const [what, make, message] of bad) {
  test(`${what} is refused by the option’s name`, () => {
    assert.match(thrown('job/invalid', make).message, message);
  });
}
