import type { TensorSpec } from '../../../shared/job/index.ts';
import { GraphBuilder, type Ref } from '../../graph/index.ts';
import { describeFailure } from '../describe-failure.ts';
import { aroundLayerCalls } from '../layer-calls.ts';
import { type BatchTensors, type MicrostepScale, variableOf } from '../microstep.ts';
import { placeText, withOwnScopes } from '../own-scope.ts';
import { dtypeNumber, type Feed, record } from '../recorder.ts';
import { tf } from '../tf.ts';
import { feedNames } from './feed-names.ts';
import { nameGradients } from './name-gradients.ts';
import { assertPure } from './purity.ts';
import type { TrainGraphOptions, Variable } from './train-graph.ts';
import { withOtherClocks, withoutRandom } from './unsteady-values.ts';

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
  builder.append(first.nodes);
  return first.results;
}

/** Lets the nodes of a layer's forward pass carry its name, and those of the job's own functions theirs. */
function nameScopes<T>(builder: GraphBuilder, { network, rename }: TrainGraphOptions, fn: () => T): T {
  const within = <R>(scope: string, run: () => R): R => builder.within(scope, run);
  return aroundLayerCalls(network.model, rename, within, () => withOwnScopes(within, fn));
}

function placeIn(builder: GraphBuilder): () => string | undefined {
  return () => (builder.scopes.length === 0 ? undefined : placeText(builder.scopes.join('/')));
}
