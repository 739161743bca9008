import { at } from '../../../shared/core/index.ts';
import type { OptimizerConfig, Precision, TensorSpec } from '../../../shared/job/index.ts';
import {
  type Attr,
  dtypes,
  GraphBuilder,
  type GraphNode,
  multiplyInBfloat16,
  optimize,
  type Ref,
  refText,
  typeAttr,
} from '../../graph/index.ts';
import { evaluationStep, forward, microstep, type Network } from '../microstep.ts';
import type { NativeBackend } from '../native-backend.ts';
import type { tf } from '../tf.ts';
import { recordSection, type Section } from './record-section.ts';
import { addAssign, addSlots, addUpdatePlaceholders, addUpdates } from './update-graph.ts';
import { addWholeStep } from './whole-step.ts';

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
  /** By row count: whether the weights moved, then the statistics (whole-step.ts). */
  readonly wholeSteps: ReadonlyMap<number, readonly string[]>;
  readonly assign: string;
  /** Each weight's values, in the model's order. */
  readonly weights: readonly string[];
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
  const update = addUpdatePlaceholders(builder, options);
  const apply = builder.token('applied', addUpdates(builder, options, variables, slots, update));
  const wholeSteps = [...microsteps].map(([count, microstep]) =>
    addWholeStep(builder, options, variables, slots, { microstep, numbers: update.numbers, name: `whole${count}` }),
  );
  const assign = addAssign(builder, options, variables, slots);
  const weights = variables.map(({ value }) => value);
  const groups = [...microsteps.values(), ...wholeSteps, evaluation, prediction, [apply], [assign], weights];
  const exact = optimize({ nodes: builder.nodes, outputs: groups.flat() });
  const { nodes, outputs } = options.precision === 'float32' ? exact : optimize(multiplyInBfloat16(exact));
  let next = 0;
  const names = groups.map((group) => group.map(() => refText(at(outputs, next++))));
  const counts = [...microsteps.keys()];
  const byRows = (from: number) => new Map(counts.map((count, index) => [count, at(names, from + index)]));
  const rest = names.slice(2 * counts.length);
  const [evaluationNames = [], predictionNames = [], applyNames = [], assignNames = [], weightNames = []] = rest;
  return {
    nodes,
    microsteps: byRows(0),
    wholeSteps: byRows(counts.length),
    evaluation: evaluationNames,
    prediction: predictionNames,
    apply: at(applyNames, 0),
    assign: at(assignNames, 0),
    weights: weightNames,
  };
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
