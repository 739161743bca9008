import { at } from '../../../shared/core/index.ts';
import type { OptimizerConfig, Precision, TensorSpec } from '../../../shared/job/index.ts';
import {
  type Attr,
  cutSegments,
  dropDeadNodes,
  dtypes,
  GraphBuilder,
  type GraphNode,
  multiplyInBfloat16,
  optimize,
  type Ref,
  refText,
  tileRows,
  typeAttr,
} from '../../graph/index.ts';
import { evaluationStep, forward, microstep, type Network } from '../microstep.ts';
import type { NativeBackend } from '../native-backend.ts';
import type { Wire } from '../packed-gradients.ts';
import type { tf } from '../tf.ts';
import { addPack } from './bfloat16-graph.ts';
import { recordSection, type Section } from './record-section.ts';
import { addAssign, addSlots, addUpdatePlaceholders, addUpdates } from './update-graph.ts';
import { addWholeStep } from './whole-step.ts';

/** What to fetch, as `node:output`. */
export interface TrainGraph {
  readonly nodes: readonly GraphNode[];
  /** By row count: the runs of a microstep. Together they give the buckets in order, then the statistics. */
  readonly microsteps: ReadonlyMap<number, readonly MicrostepRun[]>;
  /** [1 + metrics, rows], then the regularization penalty. For the first row count. */
  readonly evaluation: readonly string[];
  /** One per model output, for the first row count. */
  readonly prediction: readonly string[];
  readonly apply: string;
  /** By row count: whether the weights moved, then the statistics (whole-step.ts). */
  readonly wholeSteps: ReadonlyMap<number, readonly string[]>;
  readonly assign: string;
  /** Each weight's values, in the model's order. */
  readonly weights: readonly string[];
}

/** One run of a microstep: `results` of its outputs are results, the rest only marks that values were kept. */
export interface MicrostepRun {
  readonly outputs: readonly string[];
  readonly results: number;
}

/** One weight of the model in the graph. */
export interface Variable {
  readonly weight: tf.LayerVariable;
  readonly shape: readonly number[];
  readonly handle: Ref;
  readonly value: Ref;
}

export interface TrainGraphOptions {
  readonly backend: NativeBackend;
  readonly network: Network;
  readonly optimizer: OptimizerConfig;
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
  /** Row counts that training batches have: the full one first. */
  readonly rows: readonly number[];
  readonly precision: Precision;
  /** What gradients leave and come back as. */
  readonly wire: Wire;
  /** Replicas of the run: one trains whole steps; several cut microsteps, so that each bucket leaves when it is complete. */
  readonly replicas: number;
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
  const raw = new Map(options.rows.map((rows) => [rows, recorded(microstepSection(network, rows))]));
  const microsteps = new Map([...raw].map(([rows, results]) => [rows, packed(builder, options, results)]));
  const rows = at(options.rows, 0);
  const evaluation = recorded(evaluationSection(network, rows));
  const prediction = recorded(predictionSection(network, rows));
  const slots = addSlots(builder, options);
  const update = addUpdatePlaceholders(builder, options);
  const apply = builder.token('applied', addUpdates(builder, options, variables, slots, update));
  const counts = [...microsteps.keys()];
  const wholeCounts = options.replicas === 1 ? counts : [];
  const wholeSteps = wholeCounts.map((count) =>
    addWholeStep(builder, options, variables, slots, {
      microstep: raw.get(count) ?? [],
      numbers: update.numbers,
      name: `whole${count}`,
    }),
  );
  const assign = addAssign(builder, options, variables, slots);
  const weights = variables.map(({ value }) => value);
  const groups = [...microsteps.values(), ...wholeSteps, evaluation, prediction, [apply], [assign], weights];
  const whole = optimize({ nodes: builder.nodes, outputs: groups.flat() });
  const exact = options.backend.isUsingGpuDevice ? whole : dropDeadNodes(tileRows(whole));
  const { nodes, outputs } = options.precision === 'float32' ? exact : optimize(multiplyInBfloat16(exact));
  let next = 0;
  const named = groups.map((group) => group.map(() => at(outputs, next++)));
  const texts = named.map((group) => group.map(refText));
  const rest = texts.slice(counts.length + wholeCounts.length);
  const [evaluationNames = [], predictionNames = [], applyNames = [], assignNames = [], weightNames = []] = rest;
  const cut = cutMicrosteps(nodes, new Map(counts.map((count, index) => [count, at(named, index)])), options.replicas);
  return {
    nodes: cut.nodes,
    microsteps: cut.microsteps,
    wholeSteps: new Map(wholeCounts.map((count, index) => [count, at(texts, counts.length + index)])),
    evaluation: evaluationNames,
    prediction: predictionNames,
    apply: at(applyNames, 0),
    assign: at(assignNames, 0),
    weights: weightNames,
  };
}

/** A microstep's results as they leave: the statistics stay as they are. */
function packed(builder: GraphBuilder, { network, wire }: TrainGraphOptions, results: readonly Ref[]): Ref[] {
  if (wire === 'float32') return [...results];
  return results.map((ref, index) => {
    const bucket = network.buckets[index];
    return bucket === undefined ? ref : addPack(builder, ref, bucket.length);
  });
}

/** The last bucket and the statistics are one run. A single replica's microsteps stay whole: nobody waits for a part. */
function cutMicrosteps(
  nodes: readonly GraphNode[],
  results: ReadonlyMap<number, readonly Ref[]>,
  replicas: number,
): { nodes: readonly GraphNode[]; microsteps: Map<number, MicrostepRun[]> } {
  const microsteps = new Map<number, MicrostepRun[]>();
  let current = nodes;
  for (const [count, refs] of results) {
    const groups = replicas === 1 ? [refs] : [...refs.slice(0, -2).map((ref) => [ref]), refs.slice(-2)];
    const cut = cutSegments(current, groups, `step${count}`);
    current = cut.nodes;
    microsteps.set(
      count,
      cut.segments.map(({ outputs, token }) => ({
        outputs: [...outputs, ...(token === undefined ? [] : [token])].map(refText),
        results: outputs.length,
      })),
    );
  }
  return { nodes: current, microsteps };
}

const float: Attr = typeAttr(dtypes.float32);

function addVariables(builder: GraphBuilder, network: Network): Variable[] {
  return network.model.weights.map((weight, index) => {
    const shape = weight.shape as number[];
    const handle = builder.variable(`weight${index}`, shape);
    return { weight, shape, handle, value: builder.add('ReadVariableOp', [handle], { dtype: float }) };
  });
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
