import type { Thresholds } from '../job/index.ts';

/** How predictions are compared with thresholds, as Keras does it (keras/src/metrics/metrics_utils.py). */
export interface ThresholdPlan {
  /** In rising order. */
  readonly thresholds: readonly number[];
  /**
   * Evenly over 0 to 1: Keras then multiplies by their number and rounds up, which differs from comparing in the last bit.
   */
  readonly even: boolean;
  /** The ends lie outside of 0 to 1, so that every prediction exceeds the first. */
  readonly open: boolean;
}

/** Keras's `backend.epsilon()`. */
const EPSILON = 1e-7;
/** Below every output: with `topK` what is among the greatest predicts its class, whatever its value. */
const LEAST = -1e10;

export function givenThresholds(given: Thresholds | null, topK: number | null = null): ThresholdPlan {
  const list = [given ?? (topK === null ? 0.5 : LEAST)].flat();
  return { thresholds: [...list].sort((a, b) => a - b), even: areEven(list), open: false };
}

/** Those of curves over all of 0 to 1. */
export function evenThresholds(count: number): ThresholdPlan {
  if (count === 1) return { thresholds: [0.5], even: false, open: false };
  return { thresholds: Array.from({ length: count }, (_, index) => index / (count - 1)), even: true, open: false };
}

/** Keras's for AUC: 0 and 1 are moved outwards, so that all predictions lie between them. */
export function aucThresholds(count: number, given: readonly number[] | null): ThresholdPlan {
  const inner = given === null ? evenThresholds(count).thresholds.slice(1, -1) : [...given].sort((a, b) => a - b);
  return {
    thresholds: [-EPSILON, ...inner, 1 + EPSILON],
    even: given === null || areEven([0, ...inner, 1]),
    open: true,
  };
}

/** numpy.allclose with Keras's tolerance. */
function areEven(thresholds: readonly number[]): boolean {
  const last = thresholds.length - 1;
  if (last < 2) return false;
  return thresholds.every((threshold, index) => Math.abs(threshold - index / last) <= EPSILON + (1e-5 * index) / last);
}
