import type { RunResult } from '../../coordinator/index.ts';
import { scalarsOf } from '../../shared/metrics/index.ts';

/** What `fit` resolves with, as in Keras. */
export interface History {
  /**
   * A value for each epoch under Keras's names: `loss`, `accuracy`, …, and of the validation data `val_loss`, … Of metrics
   * of several numbers, as confusion matrices, `result.history` has the values.
   */
  readonly history: { readonly loss: readonly number[] } & Readonly<Record<string, readonly number[]>>;
  /** Numbers of the epochs, from 0. */
  readonly epoch: readonly number[];
  readonly params: { readonly epochs: number; readonly steps: number };
  /** Directory of the trained model, for `evaluate` and `predict`. */
  readonly model: string;
  /** All that is known of the run: test metrics, weights' hash, speed. */
  readonly result: RunResult;
}

export function historyOf(result: RunResult): History {
  const history: { loss: number[] } & Record<string, number[]> = { loss: [] };
  const add = (name: string, value: number): void => {
    history[name] = [...(history[name] ?? []), value];
  };
  for (const { loss, metrics, validation } of result.history) {
    add('loss', loss);
    for (const [name, value] of Object.entries(scalarsOf(metrics))) add(name, value);
    for (const [name, value] of Object.entries(scalarsOf(validation ?? {}))) add(`val_${name}`, value);
  }
  return {
    history,
    epoch: result.history.map(({ epoch }) => epoch - 1),
    params: { epochs: result.history.length, steps: result.history[0]?.steps ?? 0 },
    model: result.checkpoint,
    result,
  };
}
