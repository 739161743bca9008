import { at, invariant } from '../../../shared/core/index.ts';
import type { OptimizerConfig } from '../../../shared/job/index.ts';
import { type Attr, dtypes, type GraphBuilder, type Ref, typeAttr } from '../../graph/index.ts';
import type { Network } from '../microstep.ts';
import type { NativeBackend } from '../native-backend.ts';
import { clipFor } from '../optimizers/clip-gradients.ts';
import { optimizerRule } from '../optimizers/optimizer-rule.ts';
import { stepNumbers } from '../optimizers/step-numbers.ts';
import { decayOf } from '../optimizers/weight-decay.ts';
import type { tf } from '../tf.ts';
import { addUnpack } from './bfloat16-graph.ts';
import { addConstraint } from './constraint-graph.ts';
import { feedNames } from './feed-names.ts';
import { addUpdate, kernelSlots } from './optimizer-kernels.ts';
import { addRecorded } from './record-ops.ts';
import type { TrainGraphOptions, Variable } from './train-graph.ts';

const float: Attr = typeAttr(dtypes.float32);

/** One list of variables for each trainable weight. */
export function addSlots(builder: GraphBuilder, { network, optimizer }: TrainGraphOptions): Ref[][] {
  return network.trainable.map((weight, index) =>
    kernelSlots(optimizer).map((slot) => builder.variable(`slot${index}/${slot}`, weight.shape as number[])),
  );
}

type Guard = (value: Ref) => Ref;

/** What an update reads: as placeholders for reduced values, or straight from a microstep. */
export interface UpdateInputs {
  /** `stepNumbers` */
  readonly numbers: readonly Ref[];
  /** One flat value for each bucket. */
  readonly buckets: readonly Ref[];
  /** The changes of all statistic weights, flat; unread without any. */
  readonly changes: Ref | null;
  /** What stands between each value and the variable that it changes. */
  readonly guard?: Guard;
}

/** Placeholders for the reduced gradients and statistics of a step. */
export function addUpdatePlaceholders(
  builder: GraphBuilder,
  { network, optimizer, wire }: TrainGraphOptions,
): UpdateInputs {
  const { float32 } = dtypes;
  const length = statisticsLength(network.statistics);
  return {
    numbers: stepNumbers(optimizer, optimizerRule(optimizer), 0).map((_, index) =>
      builder.placeholder(feedNames.number(index), float32, []),
    ),
    buckets: network.buckets.map(({ length }, index) => {
      const name = feedNames.bucket(index);
      if (wire === 'float32') return builder.placeholder(name, float32, [length]);
      return addUnpack(builder, builder.placeholder(name, dtypes.int32, [Math.ceil(length / 2)]), length);
    }),
    changes: length === 0 ? null : builder.placeholder(feedNames.changes, float32, [length]),
  };
}

/** Moves all weights. Gives the names of the nodes that do it. */
export function addUpdates(
  builder: GraphBuilder,
  options: TrainGraphOptions,
  variables: readonly Variable[],
  slots: readonly Ref[][],
  inputs: UpdateInputs,
): string[] {
  const { backend, network, optimizer } = options;
  const variableFor = (weight: tf.LayerVariable): Variable =>
    variables.find((variable) => variable.weight === weight) as Variable;
  const { guard = (part) => part } = inputs;
  const trainable = network.trainable.map(variableFor);
  const gradients = addGradients(builder, options, trainable, inputs.buckets);
  const [learningRate, ...scalars] = inputs.numbers;
  invariant(learningRate !== undefined, 'a step has a learning rate');
  // In the buckets' order, the last layers first, as their gradients come.
  const done = network.buckets.flatMap(({ members }) =>
    members.map((member) => {
      const { weight, handle, value, shape } = at(trainable, member);
      const after = addDecay(builder, backend, optimizer, { handle, value, shape, learningRate, guard });
      const gradient = guard(at(gradients, member));
      const updated = { variable: handle, shape, slots: at(slots, member), gradient, after };
      return addConstraint(builder, backend, weight, handle, addUpdate(builder, backend, optimizer, scalars, updated));
    }),
  );
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

/** The gradient of each trainable weight, clipped if the optimizer says so. */
function addGradients(
  builder: GraphBuilder,
  { backend, network, optimizer }: TrainGraphOptions,
  trainable: readonly Variable[],
  buckets: readonly Ref[],
): Ref[] {
  const gradients: Ref[] = [];
  for (const [index, { members }] of network.buckets.entries()) {
    const shapes = members.map((member) => at(trainable, member));
    for (const [position, part] of cut(builder, at(buckets, index), shapes).entries()) {
      gradients[at(members, position)] = part;
    }
  }
  const clip = clipFor(optimizer);
  if (clip === null) return gradients;
  const operands = gradients.map((ref, member) => ({ ref, shape: at(trainable, member).shape }));
  return addRecorded(builder, backend, operands, clip);
}

/** Adds the weight decay of one weight, if any. Gives the node that must have run before the update. */
function addDecay(
  builder: GraphBuilder,
  backend: NativeBackend,
  { weightDecay }: OptimizerConfig,
  { handle, value, shape, learningRate, guard }: Omit<Variable, 'weight'> & { learningRate: Ref; guard: Guard },
): string[] {
  if (weightDecay === undefined) return [];
  const operands = [
    { ref: value, shape },
    { ref: learningRate, shape: [] },
  ];
  const [amount] = addRecorded(builder, backend, operands, ([weight, rate]) => [
    decayOf(weight as tf.Tensor, weightDecay, rate as tf.Scalar),
  ]);
  invariant(amount !== undefined, 'one value was recorded');
  return [builder.add('AssignSubVariableOp', [handle, guard(amount)], { dtype: float }).node];
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

/** Sets all weights from placeholders and all slots to where they start. */
export function addAssign(
  builder: GraphBuilder,
  { network, optimizer }: TrainGraphOptions,
  variables: readonly Variable[],
  slots: readonly Ref[][],
): Ref {
  const { slotStart } = optimizerRule(optimizer);
  const done: string[] = [];
  const initial = variables.map(({ handle, shape }, index) => {
    const value = builder.placeholder(feedNames.initial(index), dtypes.float32, shape);
    done.push(write(builder, handle, value));
    return value;
  });
  for (const [index, own] of slots.entries()) {
    const position = variables.findIndex(({ weight }) => weight === network.trainable[index]);
    for (const slot of own) {
      const zeros = builder.add('ZerosLike', [at(initial, position)], { T: float });
      // Not Fill: TensorFlow would fold it to a constant of the weight's size.
      const start =
        slotStart === undefined ? zeros : builder.add('AddV2', [zeros, builder.scalar(slotStart)], { T: float });
      done.push(write(builder, slot, start));
    }
  }
  return builder.token('assigned', done);
}

/**
 * Sets a variable to memory of its own. Else it would live in what it was set from: an array of JavaScript's, which a
 * thread of TensorFlow's would then let go of at the first update, or a constant of a session that is closed later.
 */
function write(builder: GraphBuilder, handle: Ref, value: Ref): string {
  const copy = builder.add('DeepCopy', [value], { T: float });
  return builder.add('AssignVariableOp', [handle, copy], { dtype: float }).node;
}

/** Sets all weights and slots from placeholders. */
export function addRestore(
  builder: GraphBuilder,
  variables: readonly Variable[],
  slots: readonly Ref[][],
  { trainable }: Network,
): Ref {
  const done = variables.map(({ handle }, index) =>
    write(builder, handle, { node: feedNames.initial(index), output: 0 }),
  );
  let count = 0;
  for (const [member, own] of slots.entries()) {
    for (const slot of own) {
      const value = builder.placeholder(
        feedNames.slot(count++),
        dtypes.float32,
        at(trainable, member).shape as number[],
      );
      done.push(write(builder, slot, value));
    }
  }
  return builder.token('restored', done);
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
