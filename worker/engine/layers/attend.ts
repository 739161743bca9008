import { tf } from '../tf.ts';

type Tensor = tf.Tensor;

export interface Attention {
  /** Query, key and value, [batch, time, features]; query and value may have other times. */
  readonly sequences: readonly [Tensor, Tensor, Tensor];
  /** [features, heads, size] for each of them, then [heads, size, features] of the output. */
  readonly kernels: readonly Tensor[];
  /** None, or one for each kernel: [heads, size] and [features]. */
  readonly biases: readonly Tensor[];
  readonly scale: number;
  /** 1 where a query may attend to a key, [batch, queries, keys] or what broadcasts to it. */
  readonly attentionMask: Tensor | null;
  /** Where the query, key and value are masked themselves, [batch, time]; null for one that is not. */
  readonly masks: readonly (Tensor | null)[];
  readonly causal: boolean;
  /** A query that may attend to nothing gives zeros; otherwise the mean over everything. Keras does the first with dropout. */
  readonly zeroWhereNone: boolean;
  drop(probabilities: Tensor): Tensor;
}

/** The score where a query may not attend; Keras's own number. */
const MASKED = -1e9;

/**
 * softmax(Q Kᵀ · scale) V of each head, joined and projected (Vaswani et al., 2017, 3.2); all three products of a head
 * run as matrix products over batch and heads together.
 */
export function attend(attention: Attention): Tensor {
  const { sequences, kernels, biases, scale } = attention;
  const [query, key, value] = sequences.map((sequence, index) =>
    splitHeads(sequence, kernels[index] as Tensor, biases[index]),
  ) as [Tensor, Tensor, Tensor]; // each [batch, heads, time, size]
  const scores = tf.matMul(tf.mul(query, scale), key, false, true); // [batch, heads, queries, keys]
  const [queries, keys] = scores.shape.slice(2) as [number, number];
  const mask = jointMask(attention, queries, keys);
  // Where nothing may be attended to, the score is a constant, without gradient.
  const limited = mask === null ? scores : tf.add(tf.mul(scores, mask), tf.mul(tf.sub(1, mask), MASKED));
  const softened = tf.softmax(limited);
  const probabilities = mask !== null && attention.zeroWhereNone ? tf.mul(softened, mask) : softened;
  return joinHeads(tf.matMul(attention.drop(probabilities), value), kernels[3] as Tensor, biases[3]);
}

function splitHeads(sequence: Tensor, kernel: Tensor, bias: Tensor | undefined): Tensor {
  const [batch, time, features] = sequence.shape as [number, number, number];
  const [, heads, size] = kernel.shape as [number, number, number];
  const flat = tf.matMul(tf.reshape(sequence, [batch * time, features]), tf.reshape(kernel, [features, heads * size]));
  const shifted = bias === undefined ? flat : tf.add(flat, tf.reshape(bias, [heads * size]));
  return tf.transpose(tf.reshape(shifted, [batch, time, heads, size]), [0, 2, 1, 3]);
}

/** [batch, heads, time, size] → [batch, time, features] */
function joinHeads(found: Tensor, kernel: Tensor, bias: Tensor | undefined): Tensor {
  const [batch, heads, time, size] = found.shape as [number, number, number, number];
  const features = kernel.shape[2] as number;
  const side = tf.reshape(tf.transpose(found, [0, 2, 1, 3]), [batch * time, heads * size]);
  const joined = tf.matMul(side, tf.reshape(kernel, [heads * size, features]));
  return tf.reshape(bias === undefined ? joined : tf.add(joined, bias), [batch, time, features]);
}

/** 1 where a query may attend, broadcastable to [batch, heads, queries, keys]; null where all may. */
function jointMask({ attentionMask, masks, causal }: Attention, queries: number, keys: number): Tensor | null {
  const known = (mask: Tensor, axis: number): Tensor => tf.expandDims(tf.expandDims(tf.cast(mask, 'float32'), 1), axis);
  const [ofQuery = null, ofKey = null, ofValue = null] = masks;
  const all = [
    ofQuery && known(ofQuery, 3),
    ofKey && known(ofKey, 1),
    ofValue && ofValue !== ofKey ? known(ofValue, 1) : null,
    attentionMask && tf.expandDims(tf.cast(tf.cast(attentionMask, 'bool'), 'float32'), 1),
    causal ? pastMask(queries, keys) : null,
  ].filter((mask) => mask !== null);
  return all.length === 0 ? null : all.reduce((a, b) => tf.mul(a, b));
}

/** [queries, keys]: 1 for keys that are not later than the query. */
function pastMask(queries: number, keys: number): Tensor {
  const values = new Float32Array(queries * keys);
  for (let query = 0; query < queries; query++) values.fill(1, query * keys, query * keys + Math.min(query + 1, keys));
  return tf.tensor2d(values, [queries, keys]);
}
