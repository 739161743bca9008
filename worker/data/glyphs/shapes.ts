/**
 * Signed distance from (x, y) to a shape's edge: below 0 inside. Shapes fill about the unit circle around the origin;
 * y points down. Distances are exact near edges, which is all that antialiasing needs. Only +, −, ×, ÷ and square
 * roots are used here and in render.ts: IEEE 754 fixes their results to the bit, unlike those of sin or log, which
 * differ between versions of Node.
 */
type Shape = (x: number, y: number) => number;

/** Place in this list = class number. */
export const shapes: readonly { readonly name: string; readonly distance: Shape }[] = [
  { name: 'disc', distance: (x, y) => Math.sqrt(x * x + y * y) - 0.82 },
  { name: 'ring', distance: (x, y) => Math.abs(Math.sqrt(x * x + y * y) - 0.66) - 0.19 },
  { name: 'square', distance: (x, y) => box(x, y, 0.74, 0.74) },
  { name: 'triangle', distance: triangle },
  { name: 'cross', distance: (x, y) => Math.min(box(x, y, 0.88, 0.26), box(x, y, 0.26, 0.88)) },
  { name: 'star', distance: star },
  { name: 'crescent', distance: crescent },
  { name: 'bars', distance: bars },
  { name: 'arrow', distance: arrow },
  { name: 'heart', distance: heart },
];

/** Half-plane form: exact inside and along the sides. */
function box(x: number, y: number, halfWidth: number, halfHeight: number): number {
  return Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);
}

const HALF_ROOT_3 = 0.8660254037844386;

/** Equilateral, point up: 3 half-planes at the distance of the inner radius. */
function triangle(x: number, y: number): number {
  const below = y - 0.2;
  return Math.max(below, Math.abs(x) * HALF_ROOT_3 - 0.5 * below) - 0.35;
}

/** Unit normals of a regular pentagon's sides, point down, so that the star's point is up. */
const pentagon: readonly (readonly [number, number])[] = [
  [0, 1],
  [0.9510565162951535, 0.3090169943749474],
  [0.5877852522924731, -0.8090169943749475],
  [-0.5877852522924731, -0.8090169943749475],
  [-0.9510565162951535, 0.3090169943749474],
];

/** A pentagram is what lies within all but at most one of its inner pentagon's sides: the second largest distance. */
function star(x: number, y: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (const [normalX, normalY] of pentagon) {
    const distance = x * normalX + y * normalY;
    if (distance > largest) {
      second = largest;
      largest = distance;
    } else if (distance > second) second = distance;
  }
  return second - 0.31;
}

function crescent(x: number, y: number): number {
  const outer = Math.sqrt(x * x + y * y) - 0.85;
  const bite = Math.sqrt((x - 0.42) * (x - 0.42) + y * y) - 0.68;
  return Math.max(outer, -bite);
}

function bars(x: number, y: number): number {
  const nearest = Math.min(Math.abs(y + 0.6), Math.abs(y), Math.abs(y - 0.6));
  return Math.max(Math.abs(x) - 0.8, nearest - 0.17);
}

/** Pointing right. */
function arrow(x: number, y: number): number {
  const shaft = box(x + 0.4, y, 0.5, 0.19);
  const head = Math.max(-x, (x + Math.abs(y) * 1.2 - 0.92) / 1.5620499351813308);
  return Math.min(shaft, head);
}

/** A square on its point, and a half-disc on each of its two upper sides. */
function heart(x: number, y: number): number {
  const low = y - 0.2;
  const square = (Math.abs(x) + Math.abs(low) - 0.62) * Math.SQRT1_2;
  const lobeX = Math.abs(x) - 0.31;
  const lobeY = low + 0.31;
  return Math.min(square, Math.sqrt(lobeX * lobeX + lobeY * lobeY) - 0.62 * Math.SQRT1_2);
}
