import type { Callback } from '../../shared/job/index.ts';
import { quietly } from './options.ts';

/**
 * A callback that remembers something of the epochs so far, such as the best one: on a worker that takes over it goes
 * through what they came to, once more and without a word.
 */
export function remembering(callback: Callback): Callback {
  return {
    ...callback,
    onTrainResume: (past, control) =>
      quietly(async () => {
        await callback.onTrainBegin?.(control);
        for (const { epoch, logs } of past) await callback.onEpochEnd?.(epoch, logs, control);
      }),
  };
}
