import { LockstepError } from '../../../shared/core/index.ts';
import type { Config, LayerJson } from './field.ts';
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
  layer: LayerJson,
  renumber: (reference: Reference) => Reference,
  shapes: ModelShapes,
): unknown {
  const tensors = (node as readonly (readonly [string, number, number])[]).map(([layer, index, tensor]) => {
    const { shape, dtype } = shapes.outputShape(layer, index, tensor) ?? { shape: [null], dtype: 'float32' };
    const keras_history = renumber([layer, index, tensor]);
    return { class_name: '__keras_tensor__', config: { shape, dtype, keras_history } };
  });
  const [first, ...others] = tensors;
  if (call === 'attention') return attentionToKeras(layer, tensors);
  if (others.length === 0) return { args: [first], kwargs: {} };
  return call === 'list' ? { args: [tensors], kwargs: {} } : { args: [first], kwargs: { initial_state: others } };
}

/** Keras has the causal mask as an argument of the call. */
function attentionToKeras(
  { config }: LayerJson,
  [query, value = query, key, attentionMask]: readonly unknown[],
): unknown {
  const causal = config['use_causal_mask'] === true ? { use_causal_mask: true } : {};
  const others = [...(key ? [['key', key]] : []), ...(attentionMask ? [['attention_mask', attentionMask]] : [])];
  return { args: [query, value], kwargs: { ...Object.fromEntries(others), ...causal } };
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
  return listed([...tensorsIn(layer, args), ...tensorsIn(layer, initial_state ?? [])], renumber);
}

function listed(references: readonly Reference[], renumber: (reference: Reference) => Reference): unknown {
  return references.map((reference) => [...renumber(reference), {}]);
}

/** Calls of one attention layer; in Lockstep the causal mask is an option of the layer. */
export function attentionToTfjs(
  nodes: readonly unknown[],
  layer: string,
  renumber: (reference: Reference) => Reference,
): { readonly useCausalMask: boolean; readonly nodes: readonly unknown[] } {
  const calls = nodes.map((call) => {
    const { args, kwargs } = call as { readonly args: readonly unknown[]; readonly kwargs: Config };
    const { value, key, attention_mask, use_causal_mask, ...others } = kwargs;
    checkArguments(layer, others);
    const places = [args[0], args[1] ?? value, args[2] ?? key, attention_mask].map((place) => place ?? null);
    const given = places.map((place) => tensorsIn(layer, place)[0]);
    const [ofQuery, ofValue = ofQuery, ofKey, ofMask] = given as [Reference, Reference?, Reference?, Reference?];
    const isOwn = String(ofQuery) === String(ofValue) && ofKey === undefined && ofMask === undefined;
    const all = isOwn ? [ofQuery] : [ofQuery, ofValue, ofKey ?? (ofMask && ofValue), ofMask];
    const made = listed(
      all.filter((reference) => reference !== undefined),
      renumber,
    );
    return { made, causal: use_causal_mask === true };
  });
  if (new Set(calls.map(({ causal }) => causal)).size > 1) {
    throw refusedArgument(layer, 'use_causal_mask in some of its calls alone');
  }
  return { useCausalMask: calls[0]?.causal ?? false, nodes: calls.map(({ made }) => made) };
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
    const isDefault =
      ((name === 'training' || name === 'return_attention_scores') && value === false) ||
      [value].flat(9).every((item) => item === null);
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
