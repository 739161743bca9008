import { at } from '../../../shared/core/index.ts';
import { type Attr, dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';
import type { tf } from '../tf.ts';
import { addConstraint } from './constraint-graph.ts';
import { feedNames } from './feed-names.ts';
import { addUpdate, kernelSlots } from './optimizer-kernels.ts';
import type { TrainGraphOptions, Variable } from './train-graph.ts';

const float: Attr = typeAttr(dtypes.float32);

/** One list of variables for each trainable weight. */
export function addSlots(builder: GraphBuilder, { network, optimizer }: TrainGraphOptions): Ref[][] {
  return network.trainable.map((weight, index) =>
    kernelSlots(optimizer).map((slot) => builder.variable(`slot${index}/${slot}`, weight.shape as number[])),
  );
}

/** What an update reads: as placeholders for reduced values, or straight from a microstep. */
export interface UpdateInputs {
  /** The step's number for the optimizer (`OptimizerRule.scalarsAt`). */
  readonly rate: Ref;
  /** One flat value for each bucket. */
  readonly buckets: readonly Ref[];
  /** The changes of all statistic weights, flat; unread without any. */
  readonly changes: Ref | null;
  /** What stands between each part and its update. */
  readonly guard?: (part: Ref) => Ref;
}

/** Placeholders for the reduced gradients and statistics of a step. */
export function addUpdatePlaceholders(builder: GraphBuilder, { network }: TrainGraphOptions): UpdateInputs {
  const { float32 } = dtypes;
  const length = statisticsLength(network.statistics);
  return {
    rate: builder.placeholder(feedNames.rate, float32, []),
    buckets: network.buckets.map((bucket, index) =>
      builder.placeholder(feedNames.bucket(index), float32, [bucket.length]),
    ),
    changes: length === 0 ? null : builder.placeholder(feedNames.changes, float32, [length]),
  };
}

/** Moves all weights. Gives the names of the nodes that do it. */
export function addUpdates(
  builder: GraphBuilder,
  { backend, network, optimizer }: TrainGraphOptions,
  variables: readonly Variable[],
  slots: readonly Ref[][],
  inputs: UpdateInputs,
): string[] {
  const variableFor = (weight: tf.LayerVariable): Variable =>
    variables.find((variable) => variable.weight === weight) as Variable;
  const { guard = (part) => part } = inputs;
  const done: string[] = [];
  for (const [index, bucket] of network.buckets.entries()) {
    const members = bucket.members.map((member) => ({ member, ...variableFor(at(network.trainable, member)) }));
    const parts = cut(builder, at(inputs.buckets, index), members);
    for (const [position, { member, handle, weight }] of members.entries()) {
      const updated = { variable: handle, slots: at(slots, member), gradient: guard(at(parts, position)) };
      const node = addUpdate(builder, optimizer, inputs.rate, updated);
      done.push(addConstraint(builder, backend, weight, handle, node));
    }
  }
  const statistics = network.statistics.map(variableFor);
  if (inputs.changes !== null) {
    for (const [position, part] of cut(builder, inputs.changes, statistics).entries()) {
      done.push(
        builder.add('AssignAddVariableOp', [at(statistics, position).handle, guard(part)], { dtype: float }).node,
      );
    }
  }
  return done;
}

export function statisticsLength(weights: readonly tf.LayerVariable[]): number {
  return weights.reduce((sum, weight) => sum + size(weight.shape as number[]), 0);
}

/** Splits a flat value in pieces of the given shapes. */
function cut(builder: GraphBuilder, flat: Ref, pieces: readonly { readonly shape: readonly number[] }[]): Ref[] {
  const int32 = typeAttr(dtypes.int32);
  const count = pieces.length;
  const attrs = { T: float, Tlen: int32, num_split: { kind: 'int', value: count } } as const;
  const axis = builder.constant({ dtype: dtypes.int32, shape: [], bytes: new Uint8Array(4) });
  const split =
    count === 1
      ? flat
      : builder.add('SplitV', [flat, builder.ints(pieces.map(({ shape }) => size(shape))), axis], attrs);
  return pieces.map(({ shape }, output) =>
    builder.add('Reshape', [{ node: split.node, output }, builder.ints(shape)], { T: float, Tshape: int32 }),
  );
}

/** Sets all weights from placeholders and all slots to zero. */
export function addAssign(
  builder: GraphBuilder,
  { network }: TrainGraphOptions,
  variables: readonly Variable[],
  slots: readonly Ref[][],
): Ref {
  const done: string[] = [];
  const initial = variables.map(({ handle, shape }, index) => {
    const value = builder.placeholder(feedNames.initial(index), dtypes.float32, shape);
    done.push(builder.add('AssignVariableOp', [handle, value], { dtype: float }).node);
    return value;
  });
  for (const [index, own] of slots.entries()) {
    const position = variables.findIndex(({ weight }) => weight === network.trainable[index]);
    for (const slot of own) {
      const zeros = builder.add('ZerosLike', [at(initial, position)], { T: float });
      done.push(builder.add('AssignVariableOp', [slot, zeros], { dtype: float }).node);
    }
  }
  return builder.token('assigned', done);
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
