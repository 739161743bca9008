import type { LearningRate } from './schedules.ts';

/** What every optimizer takes besides its own options (keras/src/optimizers/base_optimizer.py, Keras 3). */
export interface CommonOptimizerOptions {
  /** A constant, or what a function of `schedules` returned. */
  readonly learningRate: LearningRate;
  /** Decoupled: before the update every trainable weight shrinks by this share of itself times the learning rate. */
  readonly weightDecay?: number;
  /** Every value of the reduced gradients is clipped to ± this. At most one of the three `clip` options may be set. */
  readonly clipValue?: number;
  /** Each weight's reduced gradient is scaled down to at most this L2 norm. */
  readonly clipNorm?: number;
  /** All reduced gradients together are scaled down to at most this L2 norm. */
  readonly globalClipNorm?: number;
}

export interface SgdConfig extends CommonOptimizerOptions {
  readonly name: 'sgd';
  readonly momentum: number;
  readonly nesterov: boolean;
}

interface Moments extends CommonOptimizerOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export interface AdamConfig extends Moments {
  readonly name: 'adam';
}

export interface AdamWConfig extends Moments {
  readonly name: 'adamW';
  readonly weightDecay: number;
}

export interface AdamaxConfig extends Moments {
  readonly name: 'adamax';
}

export interface NadamConfig extends Moments {
  readonly name: 'nadam';
}

export interface RmspropConfig extends CommonOptimizerOptions {
  readonly name: 'rmsprop';
  readonly rho: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly centered: boolean;
}

export interface AdadeltaConfig extends CommonOptimizerOptions {
  readonly name: 'adadelta';
  readonly rho: number;
  readonly epsilon: number;
}

export interface AdagradConfig extends CommonOptimizerOptions {
  readonly name: 'adagrad';
  readonly initialAccumulatorValue: number;
  readonly epsilon: number;
}

/** A job's optimizer with every default filled in. */
export type OptimizerConfig =
  | SgdConfig
  | AdamConfig
  | AdamWConfig
  | AdamaxConfig
  | NadamConfig
  | RmspropConfig
  | AdadeltaConfig
  | AdagradConfig;

export type OptimizerName = OptimizerConfig['name'];
