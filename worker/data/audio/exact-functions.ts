/**
 * Sine, cosine and logarithm of +, −, × and ÷ alone: IEEE 754 fixes those to the bit, while Math.sin and Math.log may
 * differ between versions of Node, and so would what workers train on. Errors are below 2·10⁻¹⁶.
 */

/** Cosine and sine of `turns` whole turns (1 is 360°), for 0 ≤ turns. */
export function cosineAndSine(turns: number): readonly [cosine: number, sine: number] {
  // Whole eighths are taken off exactly, so that the series only meets angles up to 45°.
  const eighth = Math.round((turns - Math.floor(turns)) * 8) % 8;
  const rest = turns - Math.floor(turns) - Math.round((turns - Math.floor(turns)) * 8) / 8;
  const angle = rest * 2 * Math.PI;
  const square = angle * angle;
  const cosine = series(square, 0);
  const sine = angle * series(square, 1);
  const [c, s] = eighths[eighth] as readonly [number, number];
  return [c * cosine - s * sine, s * cosine + c * sine];
}

const eighths: readonly (readonly [number, number])[] = [
  [1, 0],
  [Math.SQRT1_2, Math.SQRT1_2],
  [0, 1],
  [-Math.SQRT1_2, Math.SQRT1_2],
  [-1, 0],
  [-Math.SQRT1_2, -Math.SQRT1_2],
  [0, -1],
  [Math.SQRT1_2, -Math.SQRT1_2],
];

/** 1 − x/((p+1)(p+2)) + …: Taylor's series of cosine (p = 0) and of sine over its angle (p = 1), x the squared angle. */
function series(square: number, first: number): number {
  let sum = 1;
  for (let power = 20 + first; power > first; power -= 2) sum = 1 - (sum * square) / ((power - 1) * power);
  return sum;
}

/** Natural logarithm of a positive number: 2·artanh of (m − 1)/(m + 1), m the number's mantissa near 1. */
export function naturalLog(value: number): number {
  let mantissa = value;
  let exponent = 0;
  for (; mantissa >= Math.SQRT2; mantissa /= 2) exponent++;
  for (; mantissa < Math.SQRT1_2; mantissa *= 2) exponent--;
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let power = 23; power >= 1; power -= 2) sum = sum * square + 1 / power;
  return exponent * Math.LN2 + 2 * ratio * sum;
}
