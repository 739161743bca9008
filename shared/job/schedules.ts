import { LockstepError } from '../core/index.ts';
import { resolveName } from './names.ts';
import {
  amount,
  amountList,
  completeOptions,
  factor,
  flag,
  type OptionReader,
  positive,
  shown,
  stepCount,
  stepList,
} from './options.ts';

interface Stairs {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
  readonly decayRate: number;
  readonly staircase: boolean;
}

/** Learning rates by name: what a function of `schedules` returns. Its formula is in learning-rate.ts. */
export type Schedule =
  | (Stairs & { readonly name: 'exponentialDecay' })
  | (Stairs & { readonly name: 'inverseTimeDecay' })
  | {
      readonly name: 'polynomialDecay';
      readonly initialLearningRate: number;
      readonly decaySteps: number;
      readonly endLearningRate: number;
      readonly power: number;
      readonly cycle: boolean;
    }
  | {
      readonly name: 'cosineDecay';
      readonly initialLearningRate: number;
      readonly decaySteps: number;
      readonly alpha: number;
      readonly warmupTarget?: number;
      readonly warmupSteps: number;
    }
  | {
      readonly name: 'cosineDecayRestarts';
      readonly initialLearningRate: number;
      readonly firstDecaySteps: number;
      readonly tMul: number;
      readonly mMul: number;
      readonly alpha: number;
    }
  | {
      readonly name: 'piecewiseConstantDecay';
      readonly boundaries: readonly number[];
      readonly values: readonly number[];
    }
  | {
      readonly name: 'warmup';
      readonly initialLearningRate: number;
      readonly warmupSteps: number;
      readonly schedule: LearningRate;
    };

export type LearningRate = number | Schedule;
export type ScheduleName = Schedule['name'];
type ScheduleOf<Name extends ScheduleName> = Extract<Schedule, { name: Name }>;

/** Options that have no default must be given. */
type Options<S extends Schedule, Defaulted extends string> = Omit<S, 'name' | Defaulted> &
  Partial<Pick<S, Defaulted & keyof S>>;
type StairsOptions = Options<ScheduleOf<'exponentialDecay'>, 'staircase'>;

interface ScheduleDescription {
  /** Keras 3's (keras/src/optimizers/schedules/learning_rate_schedule.py). */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly optional: readonly string[];
  readonly readers: Readonly<Record<string, OptionReader>>;
}

const decay = { initialLearningRate: amount, decaySteps: positive };
const stairs = {
  defaults: { staircase: false },
  optional: [],
  readers: { ...decay, decayRate: amount, staircase: flag },
};

const described: Readonly<Record<ScheduleName, ScheduleDescription>> = {
  exponentialDecay: stairs,
  inverseTimeDecay: stairs,
  polynomialDecay: {
    defaults: { endLearningRate: 0.0001, power: 1, cycle: false },
    optional: [],
    readers: { ...decay, endLearningRate: amount, power: amount, cycle: flag },
  },
  cosineDecay: {
    defaults: { alpha: 0, warmupSteps: 0 },
    optional: ['warmupTarget'],
    readers: { ...decay, alpha: amount, warmupTarget: amount, warmupSteps: stepCount },
  },
  cosineDecayRestarts: {
    defaults: { tMul: 2, mMul: 1, alpha: 0 },
    optional: [],
    // tMul below 1 makes Keras's formula take the logarithm of a negative number some steps later.
    readers: { initialLearningRate: amount, firstDecaySteps: positive, tMul: factor, mMul: amount, alpha: amount },
  },
  piecewiseConstantDecay: { defaults: {}, optional: [], readers: { boundaries: stepList, values: amountList } },
  warmup: {
    defaults: { initialLearningRate: 0 },
    optional: [],
    readers: { initialLearningRate: amount, warmupSteps: stepCount, schedule: readLearningRate },
  },
};

export const scheduleNames = Object.keys(described) as readonly ScheduleName[];

/**
 * Learning rates that change with the step, for an optimizer's `learningRate`: Keras 3's, and `warmup` for any of them.
 * Steps count from 0. Each throws LockstepError job/invalid on a bad option.
 */
export const schedules = {
  /** initialLearningRate · decayRate^(step / decaySteps); `staircase` rounds the exponent down. */
  exponentialDecay: (options: StairsOptions): Schedule => complete('exponentialDecay', options),
  /** initialLearningRate / (1 + decayRate · step / decaySteps); `staircase` rounds the fraction down. */
  inverseTimeDecay: (options: StairsOptions): Schedule => complete('inverseTimeDecay', options),
  /** From initialLearningRate to endLearningRate over decaySteps; `cycle` stretches the way instead of ending it. */
  polynomialDecay: (options: Options<ScheduleOf<'polynomialDecay'>, 'endLearningRate' | 'power' | 'cycle'>): Schedule =>
    complete('polynomialDecay', options),
  /**
   * Half a cosine from initialLearningRate to its share `alpha` over decaySteps. With `warmupTarget` it first rises
   * from initialLearningRate to the target over warmupSteps, and the cosine starts there.
   */
  cosineDecay: (options: Options<ScheduleOf<'cosineDecay'>, 'alpha' | 'warmupSteps'>): Schedule =>
    complete('cosineDecay', options),
  /** Cosine decays one after the other, each `tMul` times as long and starting `mMul` times as high (SGDR, 2016). */
  cosineDecayRestarts: (options: Options<ScheduleOf<'cosineDecayRestarts'>, 'tMul' | 'mMul' | 'alpha'>): Schedule =>
    complete('cosineDecayRestarts', options),
  /** values[k] up to and including step boundaries[k], and the last value after the last boundary. */
  piecewiseConstantDecay: (options: Options<ScheduleOf<'piecewiseConstantDecay'>, never>): Schedule =>
    complete('piecewiseConstantDecay', options),
  /**
   * A straight line from initialLearningRate (default 0) to where `schedule` starts, over warmupSteps; then `schedule`,
   * its steps counted from there. With a cosineDecay it is that schedule's own warm-up.
   */
  warmup: (options: Options<ScheduleOf<'warmup'>, 'initialLearningRate'>): Schedule => complete('warmup', options),
};

/**
 * Reads an option that is a learning rate.
 * @throws LockstepError job/invalid
 */
export function readLearningRate(field: string, value: unknown): LearningRate {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  if (typeof value === 'object' && value !== null && 'name' in value) {
    const { name, ...options } = value;
    return complete(resolveName('schedule', name, scheduleNames), options);
  }
  throw new LockstepError(
    'job/invalid',
    `${field} must be a finite number of at least 0 or what a function of \`schedules\` returned, got ${shown(value)}.`,
  );
}

function complete(name: ScheduleName, options: object): Schedule {
  const { readers, defaults, optional } = described[name];
  const owner = `schedule ${name}`;
  const config = { name, ...completeOptions(owner, readers, defaults, options) };
  const missing = Object.keys(readers).find((option) => !Object.hasOwn(config, option) && !optional.includes(option));
  if (missing !== undefined) {
    throw new LockstepError('job/invalid', `${owner} needs ${missing}; options: ${Object.keys(readers).join(', ')}.`);
  }
  const schedule = config as Schedule;
  checkTogether(owner, schedule);
  return schedule;
}

function checkTogether(owner: string, schedule: Schedule): void {
  if (schedule.name === 'piecewiseConstantDecay' && schedule.values.length !== schedule.boundaries.length + 1) {
    const { boundaries, values } = schedule;
    throw new LockstepError(
      'job/invalid',
      `${owner}: values must be one more than boundaries, got ${values.length} values for ${boundaries.length} boundaries.`,
    );
  }
  if (schedule.name === 'cosineDecay' && schedule.warmupSteps > 0 && schedule.warmupTarget === undefined) {
    throw new LockstepError(
      'job/invalid',
      `${owner}: warmupSteps needs warmupTarget, the learning rate at the end of the warm-up.`,
    );
  }
}
