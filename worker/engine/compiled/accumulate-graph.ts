import { at } from '../../../shared/core/index.ts';
import { type Attr, dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';
import { contributionLayout } from '../network.ts';
import { feedNames } from './feed-names.ts';
import type { TrainGraphOptions } from './train-graph.ts';

const float: Attr = typeAttr(dtypes.float32);

/**
 * Where a microstep stands in its replica's step: `alone`; or the `first` one, whose results are kept on the device, a
 * `next` one, whose results are added to those, or the `last` one, which gives the sum.
 */
export type MicrostepPlace = 'alone' | 'first' | 'next' | 'last';

/** Variables for the sums of a step's microsteps: one for each bucket, one for the statistics. None without accumulation. */
export interface Accumulators {
  readonly handles: readonly Ref[];
  readonly values: readonly Ref[];
  /** Sets them from placeholders; null without accumulation. */
  readonly restore: Ref | null;
}

export function addAccumulators(builder: GraphBuilder, { network, accumulate }: TrainGraphOptions): Accumulators {
  if (accumulate === 1) return { handles: [], values: [], restore: null };
  const { gradientBuckets, statistics } = contributionLayout(network, 'float32');
  const lengths = [...gradientBuckets, statistics];
  const handles = lengths.map((length, index) => builder.variable(`accumulated${index}`, [length]));
  const values = handles.map((handle) => builder.add('ReadVariableOp', [handle], { dtype: float }));
  const restored = handles.map((handle, index) => {
    const placeholder = builder.placeholder(feedNames.accumulated(index), dtypes.float32, [at(lengths, index)]);
    const copy = builder.add('DeepCopy', [placeholder], { T: float });
    return builder.add('AssignVariableOp', [handle, copy], { dtype: float }).node;
  });
  return { handles, values, restore: builder.token('accumulated/restored', restored) };
}

/** The nodes of each place but `alone`, one for each bucket and the statistics. Sums are made from the left. */
export function addAccumulation(
  builder: GraphBuilder,
  { handles, values }: Accumulators,
  key: string,
  results: readonly Ref[],
): { readonly first: readonly Ref[]; readonly next: readonly Ref[]; readonly sums: readonly Ref[] } {
  const write = (op: string, place: string): Ref[] =>
    handles.map((handle, index) => {
      const { node } = builder.add(op, [handle, at(results, index)], { dtype: float });
      return builder.token(`accumulated/${place}${key}/${index}`, [node]);
    });
  return {
    first: write('AssignVariableOp', 'first'),
    next: write('AssignAddVariableOp', 'next'),
    sums: values.map((value, index) => builder.add('AddV2', [value, at(results, index)], { T: float })),
  };
}
