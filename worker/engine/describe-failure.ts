import { LockstepError } from '../../shared/core/index.ts';
import { type GraphNode, layerOf } from '../graph/index.ts';

/**
 * What went wrong in a model's ops, in the user's terms.
 *
 * @param recorded the ops up to the failure, where they were recorded; their names tell the layer
 */
export function describeFailure(error: unknown, what: string, recorded: readonly GraphNode[] = []): LockstepError {
  const missing = error instanceof Error && /gradient function not found for (\w+)/i.exec(error.message);
  if (missing) {
    const op = recorded.findLast(({ op }) => op === missing[1] || op === `${missing[1]}V2`);
    const name = layerOf(op?.name ?? '');
    const layer = name === undefined ? '' : ` in layer ${name}`;
    return new LockstepError(
      'engine/unsupported',
      `TensorFlow.js has no gradient for the op ${missing[1]}${layer}, which the model uses on the way from a weight to ` +
        'the loss; compose it from other ops (matMul, gather, reshape, …)',
      { cause: error },
    );
  }
  return LockstepError.from(error, 'engine/failed', `${what}: `);
}
