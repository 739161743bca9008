import { LockstepError } from '../../shared/core/index.ts';

export interface SamplingOptions {
  /** 0 takes the most probable token; 1 draws by the model's probabilities; above, more evenly. */
  readonly temperature?: number;
  /** Draws among this many most probable tokens alone. */
  readonly topK?: number;
}

/** @throws LockstepError job/invalid */
export function checkSampling({ temperature = 1, topK = 1 }: SamplingOptions): void {
  if (!(Number.isFinite(temperature) && temperature >= 0)) {
    throw new LockstepError('job/invalid', `generate: temperature must be 0 or more, got ${temperature}`);
  }
  if (!(Number.isSafeInteger(topK) && topK > 0)) {
    throw new LockstepError('job/invalid', `generate: topK must be a positive whole number, got ${topK}`);
  }
}

/**
 * A token by the logarithms of its probabilities, up to a constant. Of equal ones the lower number comes first.
 *
 * @param draw uniform in [0, 1)
 */
export function chooseToken(
  logits: ArrayLike<number>,
  { temperature = 1, topK = logits.length }: SamplingOptions,
  draw: number,
): number {
  const order = Array.from({ length: logits.length }, (_, token) => token);
  const logit = (token: number): number => logits[token] ?? Number.NEGATIVE_INFINITY;
  order.sort((a, b) => logit(b) - logit(a) || a - b);
  const best = order[0] ?? 0;
  if (temperature === 0) return best;
  const candidates = order.slice(0, topK);
  // Relative to the best, so that nothing overflows.
  const weights = candidates.map((token) => Math.exp((logit(token) - logit(best)) / temperature));
  let left = draw * weights.reduce((sum, weight) => sum + weight, 0);
  const found = candidates.find((_, index) => {
    left -= weights[index] ?? 0;
    return left < 0;
  });
  return found ?? best;
}
