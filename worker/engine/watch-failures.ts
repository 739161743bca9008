import { GraphBuilder } from '../graph/index.ts';
import { describeFailure } from './describe-failure.ts';
import { aroundLayerCalls } from './layer-calls.ts';
import { withOwnScopes } from './own-scope.ts';
import { tf } from './tf.ts';

/** What is used here of tfjs's engine, whose types keep it private. */
interface TapeEngine {
  addTapeNode(kernel: string, ...rest: unknown[]): void;
}

/**
 * Runs a pass through the model op by op, so that a failure names the layer and the op where it happened.
 *
 * @param what the pass is, for messages
 * @throws LockstepError
 */
export function watchFailures<T>(
  model: tf.LayersModel,
  rename: (text: string) => string,
  what: string,
  pass: () => T,
): T {
  const builder = new GraphBuilder('pass');
  const within = <R>(scope: string, run: () => R): R => builder.within(scope, run);
  const engine = tf.engine() as unknown as TapeEngine;
  const { addTapeNode } = engine;
  // What a backward pass finds no gradient for is an op on the tape.
  Object.defineProperty(engine, 'addTapeNode', {
    configurable: true,
    value: (kernel: string, ...rest: unknown[]) => {
      builder.add(kernel, [], {});
      addTapeNode.call(engine, kernel, ...rest);
    },
  });
  try {
    return aroundLayerCalls(model, rename, within, () => withOwnScopes(within, pass));
  } catch (error) {
    throw describeFailure(error, what, builder.nodes, builder.failedIn);
  } finally {
    // Uncovers the method of the engine's class.
    Reflect.deleteProperty(engine, 'addTapeNode');
  }
}
