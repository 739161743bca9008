import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import {
  type Engine,
  type EngineName,
  type Trainer,
  type TrainerOptions,
  weightsSha256,
} from '../../worker/engine/index.ts';
import { openEngine, randomBatch, smallJob, train } from './engine-fixtures.ts';

/** An engine with one way of training, as the contract's tests see it. */
export interface EngineUnderTest {
  readonly engine: Engine;
  readonly isCompiled: boolean;
  /** A test named after the engine; skipped where the machine has no such engine. */
  contract(behaviour: string, check: () => Promise<void>): void;
  /** A trainer of `smallJob` with other options. */
  createTrainer(options?: Partial<TrainerOptions>): Promise<Trainer>;
  withTrainer(options: Partial<TrainerOptions>, check: (trainer: Trainer) => void): Promise<void>;
  /** Hash of the weights after some steps on the same 12 samples. */
  hashAfter(options: Partial<TrainerOptions>, steps: number, replicas?: number): Promise<string>;
  rejects(options: Partial<TrainerOptions>, code: string, message: RegExp): Promise<void>;
}

export async function openEngineUnderTest(name: EngineName, compile: boolean): Promise<EngineUnderTest> {
  const { engine: opened, skip } = await openEngine(name);
  const engine = opened as Engine;
  const label = `${name}${compile ? ', compiled' : ''}`;

  const createTrainer: EngineUnderTest['createTrainer'] = (options = {}) =>
    engine.createTrainer(smallJob({ compile, ...options }));

  const withTrainer: EngineUnderTest['withTrainer'] = async (options, check) => {
    const trainer = await createTrainer(options);
    try {
      check(trainer);
    } finally {
      trainer.close();
    }
  };

  return {
    engine,
    isCompiled: compile,
    contract: (behaviour, check) => {
      test(`${label}: ${behaviour}`, { skip }, check);
    },
    createTrainer,
    withTrainer,
    hashAfter: async (options, steps, replicas = 1) => {
      let hash = '';
      await withTrainer(options, (trainer) => {
        train(trainer, randomBatch(smallJob(options), 12), steps, replicas);
        hash = weightsSha256(trainer.readWeights());
      });
      return hash;
    },
    rejects: (options, code, message) =>
      assert.rejects(createTrainer(options), (error: unknown) => {
        assert.ok(error instanceof LockstepError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        return true;
      }),
  };
}

/** Half the mantissa's 24 bits would be 2e-4; sums of some dozen float32 values in another order differ by about 1e-7. */
export const REORDERED_SUM = 1e-6;

/** The first step, computed by one replica alone. */
export const whole = (rows: number) => ({ step: 0, replica: 0, replicas: 1, globalSamples: rows });
