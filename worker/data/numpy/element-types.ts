/** How one element is stored. */
export interface ElementType {
  /** Bytes. */
  readonly size: number;
  /** What a data set delivers it as: int32 for integers of two bytes and more, else float32. */
  readonly dtype: 'float32' | 'int32';
  get(view: DataView, offset: number): number;
}

const byOrder = (
  name: string,
  size: number,
  dtype: ElementType['dtype'],
  get: (view: DataView, offset: number, isLittle: boolean) => number,
): Record<string, ElementType> => ({
  [`<${name}`]: { size, dtype, get: (view, offset) => get(view, offset, true) },
  [`>${name}`]: { size, dtype, get: (view, offset) => get(view, offset, false) },
});

/** NumPy's types by the names in its headers. */
export const elementTypes: Readonly<Record<string, ElementType>> = {
  '|b1': { size: 1, dtype: 'float32', get: (view, offset) => view.getUint8(offset) },
  '|u1': { size: 1, dtype: 'float32', get: (view, offset) => view.getUint8(offset) },
  '|i1': { size: 1, dtype: 'float32', get: (view, offset) => view.getInt8(offset) },
  ...byOrder('u2', 2, 'int32', (view, offset, isLittle) => view.getUint16(offset, isLittle)),
  ...byOrder('i2', 2, 'int32', (view, offset, isLittle) => view.getInt16(offset, isLittle)),
  ...byOrder('u4', 4, 'int32', (view, offset, isLittle) => view.getUint32(offset, isLittle)),
  ...byOrder('i4', 4, 'int32', (view, offset, isLittle) => view.getInt32(offset, isLittle)),
  ...byOrder('u8', 8, 'int32', (view, offset, isLittle) => Number(view.getBigUint64(offset, isLittle))),
  ...byOrder('i8', 8, 'int32', (view, offset, isLittle) => Number(view.getBigInt64(offset, isLittle))),
  ...byOrder('f2', 2, 'float32', (view, offset, isLittle) => halfToNumber(view.getUint16(offset, isLittle))),
  ...byOrder('f4', 4, 'float32', (view, offset, isLittle) => view.getFloat32(offset, isLittle)),
  ...byOrder('f8', 8, 'float32', (view, offset, isLittle) => view.getFloat64(offset, isLittle)),
};

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits, 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -24 * fraction;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 25) * (0x400 + fraction);
}
