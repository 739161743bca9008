import { assertNever } from '../core/index.ts';
import type { LearningRate, Schedule } from './schedules.ts';

type Cosine = Extract<Schedule, { name: 'cosineDecay' }>;
type Restarts = Extract<Schedule, { name: 'cosineDecayRestarts' }>;
type Polynomial = Extract<Schedule, { name: 'polynomialDecay' }>;
type Piecewise = Extract<Schedule, { name: 'piecewiseConstantDecay' }>;

const f = Math.fround;
const pi = f(Math.PI);

/**
 * The learning rate of step `step` (from 0). Every operation is rounded to float32 in the order in which Keras 3 does
 * it (keras/src/optimizers/schedules/learning_rate_schedule.py), so that the rates are Keras's but for the last bits
 * of cosines and powers.
 */
export function learningRateAt(rate: LearningRate, step: number): number {
  if (typeof rate === 'number') return f(rate);
  switch (rate.name) {
    case 'exponentialDecay':
      return f(f(rate.initialLearningRate) * power(rate.decayRate, decayed(rate, step)));
    case 'inverseTimeDecay':
      return f(f(rate.initialLearningRate) / f(1 + f(f(rate.decayRate) * decayed(rate, step))));
    case 'polynomialDecay':
      return polynomial(rate, f(step));
    case 'cosineDecay':
      return cosine(rate, f(step));
    case 'cosineDecayRestarts':
      return restarts(rate, f(step));
    case 'piecewiseConstantDecay':
      return piecewise(rate, step);
    case 'warmup': {
      const { initialLearningRate, warmupSteps, schedule } = rate;
      if (step >= warmupSteps) return learningRateAt(schedule, step - warmupSteps);
      return line(initialLearningRate, learningRateAt(schedule, 0), f(f(step) / f(warmupSteps)));
    }
    default:
      return assertNever(rate);
  }
}

function decayed({ decaySteps, staircase }: { decaySteps: number; staircase: boolean }, step: number): number {
  const fraction = f(f(step) / f(decaySteps));
  return staircase ? Math.floor(fraction) : fraction;
}

function polynomial(schedule: Polynomial, step: number): number {
  const { initialLearningRate, endLearningRate, decaySteps, cycle } = schedule;
  const end = f(endLearningRate);
  const cycles = cycle && step !== 0 ? Math.ceil(f(step / f(decaySteps))) : 1;
  const length = f(f(decaySteps) * cycles);
  const fraction = f((cycle ? step : Math.min(step, length)) / length);
  return f(f(f(f(initialLearningRate) - end) * power(f(1 - fraction), schedule.power)) + end);
}

function cosine(schedule: Cosine, step: number): number {
  const { initialLearningRate, warmupTarget, alpha } = schedule;
  const decaySteps = f(schedule.decaySteps);
  const warmupSteps = warmupTarget === undefined ? 0 : f(schedule.warmupSteps);
  const reached = Math.min(step, f(decaySteps + warmupSteps));
  if (warmupTarget !== undefined && reached < warmupSteps) {
    return line(initialLearningRate, warmupTarget, f(reached / warmupSteps));
  }
  const fraction = f(f(reached - warmupSteps) / decaySteps);
  const share = f(f(f(1 - alpha) * f(0.5 * onePlusCosine(fraction))) + f(alpha));
  return f(f(warmupTarget ?? initialLearningRate) * share);
}

function restarts(schedule: Restarts, step: number): number {
  const [tMul, mMul, alpha] = [f(schedule.tMul), f(schedule.mMul), f(schedule.alpha)];
  const completed = f(step / f(schedule.firstDecaySteps));
  const { count, fraction } = currentRestart(completed, tMul);
  const share = f(f(0.5 * power(mMul, count)) * onePlusCosine(fraction));
  return f(f(schedule.initialLearningRate) * f(f(f(1 - alpha) * share) + alpha));
}

/** How many decays are over after `completed` lengths of the first one, and how much of the present one. */
function currentRestart(completed: number, tMul: number): { count: number; fraction: number } {
  if (tMul === 1) {
    const count = Math.floor(completed);
    return { count, fraction: f(completed - count) };
  }
  const growth = f(1 - tMul);
  const count = Math.floor(f(f(Math.log(f(1 - f(completed * growth)))) / f(Math.log(tMul))));
  const over = f(f(1 - power(tMul, count)) / growth);
  return { count, fraction: f(f(completed - over) / power(tMul, count)) };
}

function piecewise({ boundaries, values }: Piecewise, step: number): number {
  const interval = boundaries.findIndex((boundary) => step <= boundary);
  return f(values.at(interval) as number);
}

function line(from: number, to: number, fraction: number): number {
  return f(f(f(f(to) - f(from)) * fraction) + f(from));
}

function onePlusCosine(fraction: number): number {
  return f(1 + f(Math.cos(f(pi * fraction))));
}

function power(base: number, exponent: number): number {
  return f(f(base) ** f(exponent));
}
