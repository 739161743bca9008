import { assertNever, at } from '../../../shared/core/index.ts';
import type { OptimizerConfig, Precision } from '../../../shared/job/index.ts';
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
import type { BatchShape } from '../batch-shape.ts';
import { evaluationStep, forward, microstep, type Network } from '../microstep.ts';
import type { NativeBackend } from '../native-backend.ts';
import type { Wire } from '../packed-gradients.ts';
import type { tf } from '../tf.ts';
import { addAccumulation, addAccumulators, type MicrostepPlace } from './accumulate-graph.ts';
import { addPack } from './bfloat16-graph.ts';
import { weightValueName } from './feed-names.ts';
import { addBatchPlaceholders, type RecordedSection, type Section } from './record-section.ts';
import { addAssign, addRestore, addSlots, addUpdatePlaceholders, addUpdates } from './update-graph.ts';
import { addWholeStep } from './whole-step.ts';

/** What to fetch, as `node:output`; of batches, by their shape's key. */
export interface TrainGraph {
  readonly nodes: readonly GraphNode[];
  /** The runs of a microstep. Together they give the buckets in order, then the statistics. */
  readonly microsteps: ReadonlyMap<string, readonly MicrostepRun[]>;
  /** Whether the weights moved, then the statistics (whole-step.ts). */
  readonly wholeSteps: ReadonlyMap<string, { readonly alone: readonly string[]; readonly last: readonly string[] }>;
  /** What microsteps before the last one of a step came to: the buckets, then the statistics. */
  readonly accumulated: readonly string[];
  /** Sets that. */
  readonly restoreAccumulated: string | null;
  /** [1 + metrics, rows], then the regularization penalty. */
  readonly evaluations: ReadonlyMap<string, readonly string[]>;
  /** One per model output. */
  readonly predictions: ReadonlyMap<string, readonly string[]>;
  readonly apply: string;
  /** Sets the weights and starts the slots afresh. */
  readonly assign: string;
  /** Each weight's values, in the model's order. */
  readonly weights: readonly string[];
  /** Each slot's values, over all weights. */
  readonly slots: readonly string[];
  /** Sets weights and slots. */
  readonly restore: string;
}

/** One run of a microstep: what to fetch, by the microstep's place in its replica's step (accumulate-graph.ts). */
export interface MicrostepRun extends Readonly<Record<MicrostepPlace, readonly string[]>> {
  /** As many of `alone`'s and `last`'s outputs are results; the rest, and all others, only mark that values were kept. */
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
  readonly precision: Precision;
  /** What gradients leave and come back as. */
  readonly wire: Wire;
  /** Replicas of the run: one trains whole steps; several cut microsteps, so that each bucket leaves when it is complete. */
  readonly replicas: number;
  /** Microsteps of a replica in a step. */
  readonly accumulate: number;
  /** tfjs's layer names → those that users see. */
  readonly rename: (text: string) => string;
}

/** What a batch is run for. */
export type SectionUse = 'training' | 'evaluation' | 'prediction';

/** What is recorded of a model, by use and then by the shape's key. */
export type Recordings = Readonly<Record<SectionUse, ReadonlyMap<string, RecordedSection>>>;

/**
 * Builds one graph for everything that a trainer does with a model: microsteps, update, evaluation, prediction,
 * setting and reading weights. Weights and optimizer slots are variables of it.
 *
 * @param shapes those of all recordings
 */
export function buildTrainGraph(
  options: TrainGraphOptions,
  shapes: readonly BatchShape[],
  recordings: Recordings,
): TrainGraph {
  const builder = new GraphBuilder();
  const variables = addVariables(builder, options.network);
  for (const shape of shapes) addBatchPlaceholders(builder, shape);
  const recorded = (use: SectionUse): ResultsByKey => {
    for (const { nodes } of recordings[use].values()) builder.append(nodes);
    return new Map([...recordings[use]].map(([key, { results }]) => [key, results]));
  };
  const raw = recorded('training');
  const accumulators = addAccumulators(builder, options);
  const accumulations = new Map(
    [...raw].map(([key, results]) => [key, addAccumulation(builder, accumulators, key, results)]),
  );
  const packAll = (results: ResultsByKey): ResultsByKey =>
    new Map([...results].map(([key, refs]) => [key, packed(builder, options, refs)]));
  const sums: ResultsByKey = new Map(
    [...accumulations].flatMap(([key, { sums }]) => (sums.length === 0 ? [] : [[key, sums]])),
  );
  const [alone, last] = [packAll(raw), packAll(sums)];
  const [evaluations, predictions] = [recorded('evaluation'), recorded('prediction')];
  const slots = addSlots(builder, options);
  const update = addUpdatePlaceholders(builder, options);
  const apply = builder.token('applied', addUpdates(builder, options, variables, slots, update));
  const addWhole = (results: ResultsByKey, name: string): ResultsByKey =>
    new Map(
      (options.replicas === 1 ? [...results] : []).map(([key, microstep]) => {
        const whole = { microstep, numbers: update.numbers, name: `${name}${key}` };
        return [key, addWholeStep(builder, options, variables, slots, whole)];
      }),
    );
  const [wholeAlone, wholeLast] = [addWhole(raw, 'whole'), addWhole(sums, 'wholeLast')];
  const assign = addAssign(builder, options, variables, slots);
  const restore = addRestore(builder, variables, slots, options.network);
  const weights = variables.map(({ value }) => value);
  const slotValues = slots.flat().map((slot) => builder.add('ReadVariableOp', [slot], { dtype: float }));
  const byBatch = [alone, last, wholeAlone, wholeLast, evaluations, predictions].flatMap((results) => [
    ...results.values(),
  ]);
  const kept = [...accumulations.values()].flatMap(({ first, next }) => [...first, ...next]);
  const carried = [...accumulators.values, ...(accumulators.restore === null ? [] : [accumulators.restore])];
  const wanted = [...byBatch.flat(), ...kept, ...carried, apply, assign, restore, ...weights, ...slotValues];
  const whole = optimize({ nodes: builder.nodes, outputs: wanted });
  const exact = options.backend.isUsingGpuDevice ? whole : dropDeadNodes(tileRows(whole));
  const { nodes, outputs } = options.precision === 'float32' ? exact : optimize(multiplyInBfloat16(exact));
  const optimized = new Map(wanted.map((ref, index) => [refText(ref), at(outputs, index)]));
  const follow = (ref: Ref): Ref => optimized.get(refText(ref)) ?? ref;
  const texts = (refs: readonly Ref[]): string[] => refs.map((ref) => refText(follow(ref)));
  const textsByKey = (results: ResultsByKey): ReadonlyMap<string, readonly string[]> =>
    new Map([...results].map(([key, refs]) => [key, texts(refs)]));
  const followed = new Map(
    [...alone].map(([key, refs]) => {
      const { first, next } = accumulations.get(key) ?? { first: [], next: [] };
      const places = { alone: refs, first, next, last: last.get(key) ?? [] };
      return [key, mapPlaces(places, (all) => all.map(follow))];
    }),
  );
  const cut = cutMicrosteps(nodes, followed, options.replicas);
  return {
    nodes: cut.nodes,
    microsteps: cut.microsteps,
    wholeSteps: new Map(
      [...wholeAlone].map(([key, refs]) => [key, { alone: texts(refs), last: texts(wholeLast.get(key) ?? []) }]),
    ),
    accumulated: texts(accumulators.values),
    restoreAccumulated: accumulators.restore === null ? null : refText(follow(accumulators.restore)),
    evaluations: textsByKey(evaluations),
    predictions: textsByKey(predictions),
    apply: refText(follow(apply)),
    assign: refText(follow(assign)),
    restore: refText(follow(restore)),
    weights: texts(weights),
    slots: texts(slotValues),
  };
}

type ResultsByKey = ReadonlyMap<string, readonly Ref[]>;

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
  results: ReadonlyMap<string, Places<Ref>>,
  replicas: number,
): { nodes: readonly GraphNode[]; microsteps: Map<string, MicrostepRun[]> } {
  const microsteps = new Map<string, MicrostepRun[]>();
  let current = nodes;
  const group = (refs: readonly Ref[]): (readonly Ref[])[] =>
    replicas === 1 ? [refs] : [...refs.slice(0, -2).map((ref) => [ref]), refs.slice(-2)];
  for (const [key, places] of results) {
    const [alone, last] = [group(places.alone), group(places.last)];
    const cut = cutSegments(
      current,
      alone.map((refs, run) => [...refs, ...(last[run] ?? [])]),
      `step${key}`,
    );
    current = cut.nodes;
    const runs = cut.segments.map(({ outputs, token }, run): MicrostepRun => {
      const results = alone[run]?.length ?? 0;
      const fetched = {
        alone: outputs.slice(0, results),
        last: outputs.slice(results),
        first: group(places.first)[run] ?? [],
        next: group(places.next)[run] ?? [],
      };
      const kept = token === undefined ? [] : [token];
      return { results, ...mapPlaces(fetched, (refs) => [...refs, ...kept].map(refText)) };
    });
    microsteps.set(key, runs);
  }
  return { nodes: current, microsteps };
}

type Places<T> = Readonly<Record<MicrostepPlace, readonly T[]>>;

function mapPlaces<T, R>({ alone, first, next, last }: Places<T>, map: (all: readonly T[]) => R[]): Places<R> {
  return { alone: map(alone), first: map(first), next: map(next), last: map(last) };
}

const float: Attr = typeAttr(dtypes.float32);

function addVariables(builder: GraphBuilder, network: Network): Variable[] {
  return network.model.weights.map((weight, index) => {
    const shape = weight.shape as number[];
    const handle = builder.variable(`weight${index}`, shape);
    const value = builder.add('ReadVariableOp', [handle], { dtype: float }, { name: weightValueName(index) });
    return { weight, shape, handle, value };
  });
}

/** What a batch of `shape` is run for, as a section to be recorded. */
export function sectionFor(use: SectionUse, network: Network, shape: BatchShape): Section {
  const name = `${use === 'training' ? 'step' : use}${shape.key}`;
  switch (use) {
    case 'training':
      return {
        ...{ name, shape },
        run: (batch, scale) => {
          const { gradients, statistics } = microstep(network, batch, scale);
          return [...gradients, statistics];
        },
      };
    case 'evaluation':
      return {
        ...{ name, shape },
        run: (batch) => {
          const { samples, penalty } = evaluationStep(network, batch);
          return [samples, penalty];
        },
      };
    case 'prediction':
      return { name, shape, run: (batch) => forward(network.model, batch.inputs, false) };
    default:
      return assertNever(use);
  }
}
