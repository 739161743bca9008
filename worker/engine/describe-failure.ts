import { LockstepError } from '../../shared/core/index.ts';
import { type GraphNode, layerOf } from '../graph/index.ts';
import { placeText } from './own-scope.ts';

/**
 * What went wrong in a model's ops, in the user's terms.
 *
 * @param recorded the ops up to the failure, where they were recorded; their names tell the layer
 * @param failedIn the layers that were being called, outermost first, where that is known
 */
export function describeFailure(
  error: unknown,
  what: string,
  recorded: readonly GraphNode[] = [],
  failedIn: readonly string[] = [],
): LockstepError {
  const failedLayer = layerOf(['', ...failedIn, ''].join('/'));
  const where = failedLayer === undefined ? '' : ` in ${placeText(failedLayer)}`;
  const absent = error instanceof Error && /kernel '(\w+)' not registered/i.exec(error.message);
  if (absent) {
    return new LockstepError(
      'engine/unsupported',
      `this engine has no kernel for the op ${absent[1]}${where}; compose it from other ops (matMul, gather, reshape, …)`,
      { cause: error },
    );
  }
  const missing = error instanceof Error && /gradient function not found for (\w+)/i.exec(error.message);
  if (missing) {
    const op = recorded.findLast(({ op }) => op === missing[1] || op === `${missing[1]}V2`);
    const name = layerOf(op?.name ?? '');
    const layer = name === undefined ? '' : ` in ${placeText(name)}`;
    return new LockstepError(
      'engine/unsupported',
      `TensorFlow.js has no gradient for the op ${missing[1]}${layer}, which the model uses on the way from a weight to ` +
        'the loss; compose it from other ops (matMul, gather, reshape, …)',
      { cause: error },
    );
  }
  if (error instanceof Error && /cannot find a connection between any variable/i.test(error.message)) {
    return new LockstepError(
      'job/invalid',
      'the loss depends on no trainable weight, so there is nothing to train: a loss of the job’s own must compute with yPred',
      { cause: error },
    );
  }
  return LockstepError.from(error, 'engine/failed', `${what}${where}: `);
}
