import { at } from '../../../shared/core/index.ts';
import type { OptimizerConfig, TensorSpec } from '../../../shared/job/index.ts';
import { type Attr, dtypes, GraphBuilder, type GraphNode, optimize, type Ref, refText, typeAttr } from '../../graph/index.ts';
import { type BatchTensors, evaluationStep, forward, type MicrostepScale, microstep, type Network, variableOf } from '../microstep.ts';
import { describeFailure } from '../describe-failure.ts';
import { layersBelow } from '../layer-tree.ts';
import type { NativeBackend } from '../native-backend.ts';
import { dtypeNumber, type Feed, record } from '../recorder.ts';
import { tf } from '../tf.ts';
import { addUpdate, kernelSlots } from './apply-graph.ts';
import { assertPure } from './purity.ts';

/** Names of placeholders; those of a microstep are prefixed by its row count. */
export const feedNames = {
  input: (rows: number, index: number) => `rows${rows}/input${index}`,
  target: (rows: number, index: number) => `rows${rows}/target${index}`,
  weights: (rows: number) => `rows${rows}/weights`,
  globalSamples: (rows: number) => `rows${rows}/globalSamples`,
  samples: (rows: number) => `rows${rows}/samples`,
  seed: (rows: number) => `rows${rows}/seed`,
  bucket: (index: number) => `bucket${index}`,
  changes: 'changes',
  rate: 'rate',
  initial: (index: number) => `initial${index}`,
};

/** What to fetch, as `node:output`. */
export interface TrainGraph {
  readonly nodes: readonly GraphNode[];
  /** By row count: the buckets, then the statistics. */
  readonly microsteps: ReadonlyMap<number, readonly string[]>;
  /** [1 + metrics, rows], then the regularization penalty. For the first row count. */
  readonly evaluation: readonly string[];
  /** One per model output, for the first row count. */
  readonly prediction: readonly string[];
  readonly apply: string;
  readonly assign: string;
  /** Each weight's values, in the model's order. */
  readonly weights: readonly string[];
}

export interface TrainGraphOptions {
  readonly backend: NativeBackend;
  readonly network: Network;
  readonly optimizer: OptimizerConfig;
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  /** Row counts that training batches have: the full one first. */
  readonly rows: readonly number[];
  /** tfjs's layer names → those that users see. */
  readonly rename: (text: string) => string;
}

/**
 * Builds one graph for everything that a trainer does with a model: microsteps, update, evaluation, prediction,
 * setting and reading weights. Weights and optimizer slots are variables of it.
 */
export function buildTrainGraph(options: TrainGraphOptions): TrainGraph {
  const { network } = options;
  const builder = new GraphBuilder();
  const variables = addVariables(builder, network);
  const recorded = (section: Section): Ref[] => recordSection(builder, options, variables, section);
  const microsteps = new Map(options.rows.map((rows) => [rows, recorded(microstepSection(network, rows))]));
  const rows = at(options.rows, 0);
  const evaluation = recorded(evaluationSection(network, rows));
  const prediction = recorded(predictionSection(network, rows));
  const slots = addSlots(builder, options);
  const apply = addApply(builder, options, variables, slots);
  const assign = addAssign(builder, options, variables, slots);
  const weights = variables.map(({ value }) => value);
  const groups = [...microsteps.values(), evaluation, prediction, [apply], [assign], weights];
  const { nodes, outputs } = optimize({ nodes: builder.nodes, outputs: groups.flat() });
  let next = 0;
  const names = groups.map((group) => group.map(() => refText(at(outputs, next++))));
  const [microstepNames, rest] = [names.slice(0, microsteps.size), names.slice(microsteps.size)];
  const [evaluationNames = [], predictionNames = [], applyNames = [], assignNames = [], weightNames = []] = rest;
  return {
    nodes,
    microsteps: new Map([...microsteps.keys()].map((count, index) => [count, at(microstepNames, index)])),
    evaluation: evaluationNames,
    prediction: predictionNames,
    apply: at(applyNames, 0),
    assign: at(assignNames, 0),
    weights: weightNames,
  };
}

interface Variable {
  readonly weight: tf.LayerVariable;
  readonly shape: readonly number[];
  readonly handle: Ref;
  readonly value: Ref;
}

const float: Attr = typeAttr(dtypes.float32);

function addVariables(builder: GraphBuilder, network: Network): Variable[] {
  return network.model.weights.map((weight, index) => {
    const shape = weight.shape as number[];
    const handle = builder.variable(`weight${index}`, shape);
    return { weight, shape, handle, value: builder.add('ReadVariableOp', [handle], { dtype: float }) };
  });
}

/** Zeros on the device for every placeholder: what is recorded depends on shapes alone. */
function traceBatch(
  section: GraphBuilder,
  { inputs, targets }: TrainGraphOptions,
  rows: number,
  isKnown: (name: string) => boolean,
): { batch: BatchTensors; scale: MicrostepScale; feeds: Feed[] } {
  const feeds: Feed[] = [];
  const feed = <T extends tf.Tensor>(name: string, tensor: T): T => {
    const ref = isKnown(name)
      ? { node: name, output: 0 }
      : section.placeholder(name, dtypeNumber(tensor.dtype), tensor.shape);
    feeds.push({ tensor, ref });
    return tensor;
  };
  const zeros = ({ shape, dtype }: TensorSpec): tf.Tensor => tf.zeros([rows, ...shape], dtype);
  const batch = {
    inputs: inputs.map((spec, index) => feed(feedNames.input(rows, index), zeros(spec))),
    targets: targets.map((spec, index) => feed(feedNames.target(rows, index), zeros(spec))),
    weights: feed(feedNames.weights(rows), tf.ones([rows]) as tf.Tensor1D),
  };
  const scale = {
    globalSamples: feed(feedNames.globalSamples(rows), tf.scalar(rows)),
    samples: feed(feedNames.samples(rows), tf.scalar(rows)),
    seed: feed(feedNames.seed(rows), tf.zeros([2], 'int32')),
  };
  return { batch, scale, feeds };
}

/** A function of a batch on the device, to be recorded under a name. */
interface Section {
  readonly name: string;
  readonly rows: number;
  run(batch: BatchTensors, scale: MicrostepScale): tf.Tensor[];
}

/** Records a section on a batch of zeros, twice to see that it is pure; gives the graph's values of its results. */
function recordSection(
  builder: GraphBuilder,
  options: TrainGraphOptions,
  variables: readonly Variable[],
  section: Section,
): Ref[] {
  const known = new Set(builder.nodes.map(({ name }) => name));
  const recordOnce = (): { nodes: GraphBuilder['nodes']; results: Ref[] } => {
    const own = new GraphBuilder(section.name);
    tf.engine().startScope();
    try {
      const { feeds, batch, scale } = traceBatch(own, options, section.rows, (name) => known.has(name));
      const weights = variables.map(({ weight, value }) => ({ tensor: variableOf(weight), ref: value }));
      const { result, refOf } = record(options.backend, own, [...feeds, ...weights], () =>
        nameLayers(own, options, () => section.run(batch, scale)),
      );
      return { nodes: own.nodes, results: result.map(refOf) };
    } catch (error) {
      throw describeFailure(error, `recording the ${section.name}`, own.nodes);
    } finally {
      tf.engine().endScope();
    }
  };
  const first = recordOnce();
  const second = withOtherClock(recordOnce);
  assertPure(first.nodes, second.nodes);
  builder.append(first.nodes);
  return first.results;
}

/** Two recordings within a millisecond would read the same time. */
function withOtherClock<T>(fn: () => T): T {
  const { now } = Date;
  const DAY_MS = 86_400_000;
  Date.now = () => now.call(Date) + DAY_MS;
  try {
    return fn();
  } finally {
    Date.now = now;
  }
}

/** Lets the nodes of a layer's forward pass carry its name. */
function nameLayers<T>(builder: GraphBuilder, { network, rename }: TrainGraphOptions, fn: () => T): T {
  const layers = layersBelow(network.model).filter((layer) => layer !== network.model);
  for (const layer of layers) {
    const call = layer.call;
    const name = rename(layer.name);
    Object.defineProperty(layer, 'call', {
      configurable: true,
      value: (...args: Parameters<typeof call>) => builder.within(name, () => call.apply(layer, args)),
    });
  }
  try {
    return fn();
  } finally {
    // Uncovers the method of the layer's class.
    for (const layer of layers) Reflect.deleteProperty(layer, 'call');
  }
}

function microstepSection(network: Network, rows: number): Section {
  return {
    name: `step${rows}`,
    rows,
    run: (batch, scale) => {
      const { gradients, statistics } = microstep(network, batch, scale);
      return [...gradients, statistics];
    },
  };
}

function evaluationSection(network: Network, rows: number): Section {
  return {
    name: 'evaluation',
    rows,
    run: (batch) => {
      const { samples, penalty } = evaluationStep(network, batch);
      return [samples, penalty];
    },
  };
}

function predictionSection({ model }: Network, rows: number): Section {
  return { name: 'prediction', rows, run: (batch) => forward(model, batch.inputs, false) };
}

/** One list of variables for each trainable weight. */
function addSlots(builder: GraphBuilder, { network, optimizer }: TrainGraphOptions): Ref[][] {
  return network.trainable.map((weight, index) =>
    kernelSlots(optimizer).map((slot) => builder.variable(`slot${index}/${slot}`, weight.shape as number[])),
  );
}

function addApply(
  builder: GraphBuilder,
  { network, optimizer }: TrainGraphOptions,
  variables: readonly Variable[],
  slots: readonly Ref[][],
): Ref {
  const rate = builder.placeholder(feedNames.rate, dtypes.float32, []);
  const variableFor = (weight: tf.LayerVariable): Variable =>
    variables.find((variable) => variable.weight === weight) as Variable;
  const done: string[] = [];
  for (const [index, bucket] of network.buckets.entries()) {
    const flat = builder.placeholder(feedNames.bucket(index), dtypes.float32, [bucket.length]);
    const members = bucket.members.map((member) => ({ member, ...variableFor(at(network.trainable, member)) }));
    const parts = cut(builder, flat, members);
    for (const [position, { member, handle }] of members.entries()) {
      const updated = { variable: handle, slots: at(slots, member), gradient: at(parts, position) };
      done.push(addUpdate(builder, optimizer, rate, updated));
    }
  }
  const statistics = network.statistics.map(variableFor);
  if (statistics.length > 0) {
    const length = statistics.reduce((sum, { shape }) => sum + size(shape), 0);
    const flat = builder.placeholder(feedNames.changes, dtypes.float32, [length]);
    for (const [position, part] of cut(builder, flat, statistics).entries()) {
      done.push(builder.add('AssignAddVariableOp', [at(statistics, position).handle, part], { dtype: float }).node);
    }
  }
  return builder.token('applied', done);
}

/** Splits a flat value in pieces of the given shapes. */
function cut(builder: GraphBuilder, flat: Ref, pieces: readonly { readonly shape: readonly number[] }[]): Ref[] {
  const int32 = typeAttr(dtypes.int32);
  const count = pieces.length;
  const attrs = { T: float, Tlen: int32, num_split: { kind: 'int', value: count } } as const;
  const axis = builder.constant({ dtype: dtypes.int32, shape: [], bytes: new Uint8Array(4) });
  const split =
    count === 1 ? flat : builder.add('SplitV', [flat, builder.ints(pieces.map(({ shape }) => size(shape))), axis], attrs);
  return pieces.map(({ shape }, output) =>
    builder.add('Reshape', [{ node: split.node, output }, builder.ints(shape)], { T: float, Tshape: int32 }),
  );
}

/** Sets all weights from placeholders and all slots to zero. */
function addAssign(
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
