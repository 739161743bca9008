import { type Attr, dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';

const float: Attr = typeAttr(dtypes.float32);
const int32: Attr = typeAttr(dtypes.int32);
const bfloat16: Attr = typeAttr(dtypes.bfloat16);

/**
 * A flat float32 value of `length` as int32 words of two bfloat16 values each, the first one in the lower half: tfjs
 * has no type for bfloat16. A zero fills the last word of an odd length.
 */
export function addPack(builder: GraphBuilder, flat: Ref, length: number): Ref {
  const padding = builder.constant({
    dtype: dtypes.int32,
    shape: [1, 2],
    bytes: new Uint8Array(new Int32Array([0, 1]).buffer),
  });
  const even =
    length % 2 === 0
      ? flat
      : builder.add('Pad', [flat, padding], { T: float, Tpaddings: int32 }, { shapes: [[length + 1]] });
  const words = Math.ceil(length / 2);
  const options = { dtypes: [dtypes.bfloat16], shapes: [[words * 2]] };
  const rounded = builder.add('Cast', [even], castAttrs(float, bfloat16), options);
  const pairs = builder.add(
    'Reshape',
    [rounded, builder.ints([words, 2])],
    { T: bfloat16, Tshape: int32 },
    { dtypes: [dtypes.bfloat16], shapes: [[words, 2]] },
  );
  return builder.add('Bitcast', [pairs], { T: bfloat16, type: int32 }, { dtypes: [dtypes.int32], shapes: [[words]] });
}

/** The float32 value that `addPack` packed. */
export function addUnpack(builder: GraphBuilder, words: Ref, length: number): Ref {
  const count = Math.ceil(length / 2);
  const outputs = (shape: readonly number[]) => ({ dtypes: [dtypes.bfloat16], shapes: [shape] });
  const pairs = builder.add('Bitcast', [words], { T: int32, type: bfloat16 }, outputs([count, 2]));
  const attrs = { T: bfloat16, Tshape: int32 };
  const flat = builder.add('Reshape', [pairs, builder.ints([count * 2])], attrs, outputs([count * 2]));
  const wide = builder.add('Cast', [flat], castAttrs(bfloat16, float), { shapes: [[count * 2]] });
  if (length % 2 === 0) return wide;
  return builder.add('Slice', [wide, builder.ints([0]), builder.ints([length])], { T: float, Index: int32 });
}

/** A float32 value rounded to bfloat16, as `addPack` and `addUnpack` would. */
export function addRounding(builder: GraphBuilder, flat: Ref): Ref {
  const rounded = builder.add('Cast', [flat], castAttrs(float, bfloat16), { dtypes: [dtypes.bfloat16] });
  return builder.add('Cast', [rounded], castAttrs(bfloat16, float));
}

function castAttrs(from: Attr, to: Attr): Readonly<Record<string, Attr>> {
  return { SrcT: from, DstT: to, Truncate: { kind: 'bool', value: false } };
}
