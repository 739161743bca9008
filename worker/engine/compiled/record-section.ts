import type { TensorSpec } from '../../../shared/job/index.ts';
import { GraphBuilder, type Ref } from '../../graph/index.ts';
import { describeFailure } from '../describe-failure.ts';
import { layersBelow } from '../layer-tree.ts';
import { type BatchTensors, type MicrostepScale, variableOf } from '../microstep.ts';
import { withOwnScopes } from '../own-scope.ts';
import { dtypeNumber, type Feed, record } from '../recorder.ts';
import { tf } from '../tf.ts';
import { feedNames } from './feed-names.ts';
import { nameGradients } from './name-gradients.ts';
import { assertPure } from './purity.ts';
import type { TrainGraphOptions, Variable } from './train-graph.ts';

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
export interface Section {
  readonly name: string;
  readonly rows: number;
  run(batch: BatchTensors, scale: MicrostepScale): tf.Tensor[];
}

/** Records a section on a batch of zeros, twice to see that it is pure; gives the graph's values of its results. */
export function recordSection(
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
        nameLayers(own, options, () =>
          withOwnScopes(
            (scope, run) => own.within(scope, run),
            () => nameGradients(own, () => section.run(batch, scale)),
          ),
        ),
      );
      return { nodes: own.nodes, results: result.map(refOf) };
    } catch (error) {
      throw describeFailure(error, `recording the ${section.name}`, own.nodes, own.failedIn);
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

/** What tf.Sequential keeps outside of its public types. */
interface SequentialInside {
  readonly model: tf.layers.Layer | null;
}

/** Lets the nodes of a layer's forward pass carry its name. */
function nameLayers<T>(builder: GraphBuilder, { network, rename }: TrainGraphOptions, fn: () => T): T {
  const all = layersBelow(network.model);
  // A sequential model holds a model of its own making, which users know nothing of.
  const inner = all.map((layer) =>
    layer instanceof tf.Sequential ? (layer as unknown as SequentialInside).model : null,
  );
  const layers = all.filter((layer) => layer !== network.model && !inner.includes(layer));
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
