/**
 * What gradients travel and are summed as, as jobs and options spell it. `bfloat16` rounds each replica's gradients and
 * each sum of two; `top-k:F` sends of each replica's gradients the fraction F with the largest magnitudes, and keeps the
 * rest for later steps.
 */
export type Wire = 'float32' | 'bfloat16' | `top-k:${number}`;

export const wireExpected =
  'float32, bfloat16, or top-k:FRACTION with a fraction above 0 and below 1, such as top-k:0.01';

/** `text` as a wire, in any case; undefined if it is none. */
export function readWire(text: unknown): Wire | undefined {
  if (typeof text !== 'string') return undefined;
  const name = text.trim().toLowerCase();
  if (name === 'float32' || name === 'bfloat16') return name;
  const given = /^top-?k:(\d*\.?\d+(?:e-\d+)?)$/.exec(name)?.[1];
  const fraction = given === undefined ? Number.NaN : Number(given);
  return fraction > 0 && fraction < 1 ? `top-k:${fraction}` : undefined;
}

/** The fraction of values that a top-k wire sends; null for the others, which send all. */
export function topKFraction(wire: Wire): number | null {
  return wire.startsWith('top-k:') ? Number(wire.slice('top-k:'.length)) : null;
}
