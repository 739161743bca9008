import { LockstepError, RandomStream } from '../../shared/core/index.ts';
import { tf } from '../engine/index.ts';
import { checkSampling, chooseToken, type SamplingOptions } from './choose-token.ts';

export interface GenerateOptions extends SamplingOptions {
  /** How many tokens to add. */
  readonly tokens: number;
  /** Which of the possible continuations; the same seed gives the same one. */
  readonly seed?: number;
  /** Whether the model gives logits; otherwise probabilities, as a softmax layer does. */
  readonly fromLogits?: boolean;
}

/**
 * Continues a sequence of tokens by a causal language model, [batch, length] → [batch, length, vocabulary]: a function of
 * the model's weights, the prompt and the options alone. The model sees the last `length` tokens.
 * @returns the prompt and the new tokens
 * @throws LockstepError job/invalid
 */
export function generate(model: tf.LayersModel, prompt: readonly number[], options: GenerateOptions): number[] {
  const { tokens, seed = 0, fromLogits = false } = options;
  checkSampling(options);
  const { length, vocabulary } = sizesOf(model);
  checkPrompt(prompt, vocabulary);
  const random = new RandomStream(seed);
  const all = [...prompt];
  for (let count = 0; count < tokens; count++) {
    const values = lastStep(model, all.slice(-length), length);
    const logits = fromLogits ? values : values.map(Math.log);
    all.push(chooseToken(logits, options, random.next()));
  }
  return all;
}

/** What the model says of the token after `context`; what stands behind it is not looked at by a causal model. */
function lastStep(model: tf.LayersModel, context: readonly number[], length: number): Float32Array {
  return tf.tidy(() => {
    const padded = [...context, ...new Array<number>(length - context.length).fill(0)];
    const made = model.predict(tf.tensor2d(padded, [1, length])) as tf.Tensor; // [1, length, vocabulary]
    const step = tf.slice(made, [0, context.length - 1, 0], [1, 1, made.shape[2] as number]);
    return step.dataSync() as Float32Array;
  });
}

function sizesOf(model: tf.LayersModel): { readonly length: number; readonly vocabulary: number } {
  const [input, output] = [model.inputs[0]?.shape ?? [], model.outputs[0]?.shape ?? []];
  const [length, vocabulary] = [input[1], output[2]];
  const fits = model.inputs.length === 1 && model.outputs.length === 1 && input.length === 2 && output[1] === length;
  if (fits && typeof length === 'number' && typeof vocabulary === 'number') return { length, vocabulary };
  throw new LockstepError(
    'job/invalid',
    `generate: a language model maps [batch, length] to [batch, length, vocabulary]; this one maps [${input.join(', ')}] ` +
      `to [${output.join(', ')}]`,
  );
}

function checkPrompt(prompt: readonly number[], vocabulary: number): void {
  if (prompt.length === 0) throw new LockstepError('job/invalid', 'generate: the prompt must hold at least one token');
  const wrong = prompt.find((token) => !(Number.isSafeInteger(token) && token >= 0 && token < vocabulary));
  if (wrong === undefined) return;
  throw new LockstepError('job/invalid', `generate: token ${wrong} is not in the vocabulary, 0 to ${vocabulary - 1}`);
}
