import type { TensorSpec } from '../../../shared/job/index.ts';
import { dtypes, GraphBuilder, type GraphNode, type Ref } from '../../graph/index.ts';
import type { BatchShape } from '../batch-shape.ts';
import { describeFailure } from '../describe-failure.ts';
import { aroundLayerCalls } from '../layer-calls.ts';
import { type BatchTensors, type MicrostepScale, variableOf } from '../microstep.ts';
import { placeText, withOwnScopes } from '../own-scope.ts';
import { dtypeNumber, type Feed, record } from '../recorder.ts';
import { tf } from '../tf.ts';
import { feedNames, weightValueName } from './feed-names.ts';
import { nameGradients } from './name-gradients.ts';
import { assertPure } from './purity.ts';
import type { TrainGraphOptions } from './train-graph.ts';
import { withOtherClocks, withoutRandom } from './unsteady-values.ts';

/** Zeros on the device for every placeholder: what is recorded depends on shapes alone. */
function traceBatch({ key, rows, inputs, targets }: BatchShape): {
  batch: BatchTensors;
  scale: MicrostepScale;
  feeds: Feed[];
} {
  const feeds: Feed[] = [];
  const feed = <T extends tf.Tensor>(name: string, tensor: T): T => {
    feeds.push({ tensor, ref: { node: name, output: 0 } });
    return tensor;
  };
  const zeros = ({ shape, dtype }: TensorSpec): tf.Tensor => tf.zeros([rows, ...shape], dtype);
  const batch = {
    inputs: inputs.map((spec, index) => feed(feedNames.input(key, index), zeros(spec))),
    targets: targets.map((spec, index) => feed(feedNames.target(key, index), zeros(spec))),
    weights: feed(feedNames.weights(key), tf.ones([rows]) as tf.Tensor1D),
  };
  const scale = {
    globalSamples: feed(feedNames.globalSamples(key), tf.scalar(rows)),
    samples: feed(feedNames.samples(key), tf.scalar(rows)),
    seed: feed(feedNames.seed(key), tf.zeros([2], 'int32')),
  };
  return { batch, scale, feeds };
}

/** Adds the placeholders that sections of a shape read. */
export function addBatchPlaceholders(builder: GraphBuilder, { key, rows, inputs, targets }: BatchShape): void {
  const { float32, int32 } = dtypes;
  for (const [index, { shape, dtype }] of inputs.entries())
    builder.placeholder(feedNames.input(key, index), dtypeNumber(dtype), [rows, ...shape]);
  for (const [index, { shape, dtype }] of targets.entries())
    builder.placeholder(feedNames.target(key, index), dtypeNumber(dtype), [rows, ...shape]);
  builder.placeholder(feedNames.weights(key), float32, [rows]);
  builder.placeholder(feedNames.globalSamples(key), float32, []);
  builder.placeholder(feedNames.samples(key), float32, []);
  builder.placeholder(feedNames.seed(key), int32, [2]);
}

/** A function of a batch on the device, to be recorded under a name. */
export interface Section {
  readonly name: string;
  readonly shape: BatchShape;
  run(batch: BatchTensors, scale: MicrostepScale): tf.Tensor[];
}

/** What a section computes: nodes that read the placeholders of its shape and the weights, and the values of its results. */
export interface RecordedSection {
  readonly nodes: readonly GraphNode[];
  readonly results: readonly Ref[];
}

/** Records a section on a batch of zeros, twice to see that it is pure. */
export function recordSection(options: TrainGraphOptions, section: Section): RecordedSection {
  const recordOnce = (): RecordedSection => {
    const own = new GraphBuilder(section.name);
    tf.engine().startScope();
    try {
      const { feeds, batch, scale } = traceBatch(section.shape);
      const weights = options.network.model.weights.map((weight, index) => ({
        tensor: variableOf(weight),
        ref: { node: weightValueName(index), output: 0 },
      }));
      const { result, refOf } = record(options.backend, own, [...feeds, ...weights], () =>
        nameScopes(own, options, () =>
          nameGradients(own, () => withoutRandom(placeIn(own), () => section.run(batch, scale))),
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
  const second = withOtherClocks(recordOnce);
  assertPure(first.nodes, second.nodes);
  return first;
}

/** Lets the nodes of a layer's forward pass carry its name, and those of the job's own functions theirs. */
function nameScopes<T>(builder: GraphBuilder, { network, rename }: TrainGraphOptions, fn: () => T): T {
  const within = <R>(scope: string, run: () => R): R => builder.within(scope, run);
  return aroundLayerCalls(network.model, rename, within, () => withOwnScopes(within, fn));
}

function placeIn(builder: GraphBuilder): () => string | undefined {
  return () => (builder.scopes.length === 0 ? undefined : placeText(builder.scopes.join('/')));
}
