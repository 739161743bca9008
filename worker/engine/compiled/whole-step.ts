import { at } from '../../../shared/core/index.ts';
import { type Attr, dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';
import { addRounding } from './bfloat16-graph.ts';
import type { TrainGraphOptions, Variable } from './train-graph.ts';
import { addUpdates, statisticsLength } from './update-graph.ts';

const float: Attr = typeAttr(dtypes.float32);
const int32: Attr = typeAttr(dtypes.int32);

/**
 * A microstep and its update in one: for a step of one replica, whose gradients then never leave the device. As in a
 * reduced step, a loss that is not finite keeps all weights as they are.
 *
 * @param microstep the buckets, then the statistics
 * @returns what to fetch: 1 where the weights moved, 0 where the loss was not finite; and the statistics
 */
export function addWholeStep(
  builder: GraphBuilder,
  options: TrainGraphOptions,
  variables: readonly Variable[],
  slots: readonly Ref[][],
  {
    microstep,
    numbers,
    name,
  }: { readonly microstep: readonly Ref[]; readonly numbers: readonly Ref[]; readonly name: string },
): Ref[] {
  const exact = microstep.slice(0, -1);
  // As in a reduced step, where they leave the device in this format.
  const buckets = options.wire === 'bfloat16' ? exact.map((bucket) => addRounding(builder, bucket)) : exact;
  const statistics = at(microstep, buckets.length);
  const lossSum = addSlice(builder, statistics, 0, 1);
  const scalar = builder.add('Reshape', [lossSum, builder.ints([])], { T: float, Tshape: int32 });
  // Every weight must have been read before one of them moves.
  const control = variables.map(({ value }) => value.node);
  const finite = builder.add('IsFinite', [scalar], { T: float }, { control });
  const guard = (value: Ref): Ref => ({ ...builder.add('Switch', [value, finite], { T: float }), output: 1 });
  const length = statisticsLength(options.network.statistics);
  const changes = length === 0 ? null : addSlice(builder, statistics, 1 + options.network.metricWidth, length);
  const done = addUpdates(builder, options, variables, slots, { numbers, buckets, changes, guard });
  const moved = builder.token(`${name}/moved`, done);
  const kept = builder.add('Switch', [builder.scalar(0), finite], { T: float });
  const attrs = { T: float, N: { kind: 'int', value: 2 } } as const;
  const outcome = builder.add('Merge', [moved, kept], attrs, { name: `${name}/outcome` });
  return [outcome, statistics];
}

function addSlice(builder: GraphBuilder, flat: Ref, begin: number, length: number): Ref {
  const attrs = { T: float, Index: int32 };
  return builder.add('Slice', [flat, builder.ints([begin]), builder.ints([length])], attrs);
}
