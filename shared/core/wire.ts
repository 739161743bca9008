/**
 * What gradients travel and are summed as, as jobs and options spell it. `bfloat16` rounds each replica's gradients and
 * each sum of two; `top-k:F` sends of each replica's gradients the fraction F with the largest magnitudes, and
 * `powersgd:R` of each weight matrix a factorization of rank R; both keep the rest for later steps.
 */
export type Wire = 'float32' | 'bfloat16' | `top-k:${number}` | `powersgd:${number}`;

export const wireExpected =
  'float32, bfloat16, top-k:FRACTION with a fraction above 0 and below 1, such as top-k:0.01, or powersgd:RANK with a ' +
  'rank from 1 to 64, such as powersgd:4';

const highestRank = 64;

/** `text` as a wire, in any case; undefined if it is none. */
export function readWire(text: unknown): Wire | undefined {
  if (typeof text !== 'string') return undefined;
  const name = text.trim().toLowerCase();
  if (name === 'float32' || name === 'bfloat16') return name;
  const [, kind, given] = /^(top-?k|power-?sgd):(\d*\.?\d+(?:e-\d+)?)$/.exec(name) ?? [];
  if (kind === undefined) return undefined;
  const number = Number(given);
  if (kind.startsWith('top')) return number > 0 && number < 1 ? `top-k:${number}` : undefined;
  return Number.isInteger(number) && number >= 1 && number <= highestRank ? `powersgd:${number}` : undefined;
}

/** The fraction of values that a top-k wire sends; null for the others. */
export function topKFraction(wire: Wire): number | null {
  return numberAfter('top-k:', wire);
}

/** The rank of what a PowerSGD wire sends; null for the others. */
export function powerSgdRank(wire: Wire): number | null {
  return numberAfter('powersgd:', wire);
}

/** Whether a replica keeps gradients back for later steps. */
export function keepsGradients(wire: Wire): boolean {
  return topKFraction(wire) !== null || powerSgdRank(wire) !== null;
}

function numberAfter(prefix: string, wire: Wire): number | null {
  return wire.startsWith(prefix) ? Number(wire.slice(prefix.length)) : null;
}
