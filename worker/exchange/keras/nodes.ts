import { LockstepError } from '../../../shared/core/index.ts';
import type { Config } from './field.ts';
import type { LayerMapping } from './mapping.ts';
import type { ModelShapes } from './topology.ts';

/** A tensor of a model's graph: the layer that makes it, the number of the call, and which of its outputs. */
export type Reference = readonly [layer: string, node: number, tensor: number];

interface KerasTensor {
  readonly class_name: '__keras_tensor__';
  readonly config: { readonly keras_history: Reference };
}

/** One call of a layer: tfjs's list of [layer, node, tensor, arguments] → Keras 3's arguments. */
export function nodeToKeras(
  node: unknown,
  call: LayerMapping['call'],
  renumber: (reference: Reference) => Reference,
  shapes: ModelShapes,
): unknown {
  const tensors = (node as readonly (readonly [string, number, number])[]).map(([layer, index, tensor]) => {
    const { shape, dtype } = shapes.outputShape(layer, index, tensor) ?? { shape: [null], dtype: 'float32' };
    const keras_history = renumber([layer, index, tensor]);
    return { class_name: '__keras_tensor__', config: { shape, dtype, keras_history } };
  });
  const [first, ...others] = tensors;
  if (others.length === 0) return { args: [first], kwargs: {} };
  return call === 'list' ? { args: [tensors], kwargs: {} } : { args: [first], kwargs: { initial_state: others } };
}

/** The other way; older Keras has tfjs's own form. @throws LockstepError checkpoint/unsupported */
export function nodeToTfjs(node: unknown, layer: string, renumber: (reference: Reference) => Reference): unknown {
  if (Array.isArray(node)) {
    return (node as (readonly [string, number, number, Config?])[]).map(([name, index, tensor, kwargs]) => {
      checkArguments(layer, kwargs ?? {});
      return [...renumber([name, index, tensor]), {}];
    });
  }
  const { args, kwargs } = node as { readonly args: unknown; readonly kwargs: Config };
  const { initial_state, ...others } = kwargs;
  checkArguments(layer, others);
  return [...tensorsIn(layer, args), ...tensorsIn(layer, initial_state ?? [])].map((reference) => [
    ...renumber(reference),
    {},
  ]);
}

function tensorsIn(layer: string, value: unknown): Reference[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item) => tensorsIn(layer, item));
  const tensor = value as Partial<KerasTensor>;
  if (tensor.class_name === '__keras_tensor__' && tensor.config !== undefined) return [tensor.config.keras_history];
  throw refusedArgument(layer, JSON.stringify(value));
}

/** Keras notes defaults of a call too; anything else would be lost. */
function checkArguments(layer: string, kwargs: Config): void {
  for (const [name, value] of Object.entries(kwargs)) {
    const isDefault = (name === 'training' && value === false) || [value].flat(9).every((item) => item === null);
    if (!isDefault) throw refusedArgument(layer, `${name}=${JSON.stringify(value)}`);
  }
}

function refusedArgument(layer: string, what: string): LockstepError {
  return new LockstepError(
    'checkpoint/unsupported',
    `layer ${layer} is called with ${what}, which TensorFlow.js has no form for`,
    { details: { layer } },
  );
}
