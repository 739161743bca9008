import { type GraphBuilder, gradientScope } from '../../graph/index.ts';
import { tf } from '../tf.ts';

type Gradients = Readonly<Record<string, () => tf.Tensor>>;

/** What is used here of tfjs's engine, whose types keep it private. */
interface TapeEngine {
  readonly state: { readonly activeTape: readonly TapeNode[] };
  addTapeNode(...args: unknown[]): void;
}

/** One op of a forward pass, with what its backward pass does. */
interface TapeNode {
  gradient?: (dys: tf.Tensor[]) => Gradients;
}

/**
 * Lets the ops of a backward pass that are recorded while `fn` runs carry the layer of the forward op that they belong
 * to: `section/layer/gradient/Op_7`. tfjs runs a gradient in two parts, which both get the name: the function kept with
 * the op, and then one for each input that a gradient is needed of.
 */
export function nameGradients<T>(builder: GraphBuilder, fn: () => T): T {
  const engine = tf.engine() as unknown as TapeEngine;
  const { addTapeNode } = engine;
  Object.defineProperty(engine, 'addTapeNode', {
    configurable: true,
    value: (...args: unknown[]) => {
      addTapeNode.apply(engine, args);
      const node = engine.state.activeTape.at(-1);
      const { scopes } = builder;
      if (node?.gradient === undefined || scopes.length === 0) return;
      const { gradient } = node;
      const inLayer = <R>(run: () => R): R => withinAll(builder, [...scopes, gradientScope], run);
      node.gradient = (dys) => {
        const parts = inLayer(() => gradient(dys));
        return Object.fromEntries(Object.entries(parts).map(([input, part]) => [input, () => inLayer(part)]));
      };
    },
  });
  try {
    return fn();
  } finally {
    // Uncovers the method of the engine's class.
    Reflect.deleteProperty(engine, 'addTapeNode');
  }
}

function withinAll<T>(builder: GraphBuilder, scopes: readonly string[], fn: () => T): T {
  const [outer, ...inner] = scopes;
  return outer === undefined ? fn() : builder.within(outer, () => withinAll(builder, inner, fn));
}
