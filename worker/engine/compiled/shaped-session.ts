import { estimatePeakMemory, parseRef } from '../../graph/index.ts';
import { type BatchShape, describeShape } from '../batch-shape.ts';
import type { CompileReport, NamedWeight, TrainerState } from '../engine.ts';
import { feedNames } from './feed-names.ts';
import { GraphSession } from './graph-session.ts';
import { type RecordedSection, recordSection } from './record-section.ts';
import { SectionCache } from './section-cache.ts';
import {
  buildTrainGraph,
  type MicrostepRun,
  type SectionUse,
  sectionFor,
  type TrainGraph,
  type TrainGraphOptions,
} from './train-graph.ts';
import { WeightlessModel } from './weightless-model.ts';

/**
 * Shapes that come beside the announced ones are kept up to this many times a use. Each costs its share of a new load
 * of everything when another one comes.
 */
const DEFAULT_LIMIT = 16;

/** A shape to be compiled, and for what. */
export interface SessionPart {
  readonly use: SectionUse;
  readonly shape: BatchShape;
}

export interface ShapedSessionOptions extends TrainGraphOptions {
  /** Compiled before the first batch. */
  readonly announced: readonly SessionPart[];
  readonly initial: readonly NamedWeight[];
  /** Shapes, times uses, kept beside the announced ones. */
  readonly limit: number | undefined;
  readonly onCompiled: ((report: CompileReport) => void) | undefined;
}

/**
 * A model's session: one graph with all batch shapes that were met, over one set of variables. TensorFlow's session
 * takes no more nodes once it is loaded, so a new shape makes a new one, and the variables move over.
 */
export class ShapedSession {
  readonly #options: ShapedSessionOptions;
  readonly #model: WeightlessModel;
  readonly #cache: SectionCache;
  #sections: ReadonlyMap<string, CompiledSection>;
  #graph: TrainGraph;
  #session: GraphSession;
  /** Whether microsteps of a step wait for the last one. */
  accumulates = false;
  #valueBytes: number | undefined;

  /** Owns the model from now on, but for a throw. @throws LockstepError engine/impure, engine/unsupported, engine/failed */
  constructor(options: ShapedSessionOptions) {
    const started = performance.now();
    this.#options = options;
    const { announced, backend, network } = options;
    this.#cache = new SectionCache(announced.map(idOf), options.limit ?? DEFAULT_LIMIT);
    this.#sections = new Map(announced.map((part) => [idOf(part), this.#record(part)]));
    this.#graph = this.#build(this.#sections);
    this.#session = new GraphSession(backend.binding, this.#graph.nodes);
    try {
      this.assign(options.initial);
    } catch (error) {
      this.#session.close();
      throw error;
    }
    this.#model = new WeightlessModel(network.model);
    this.#report(announced, started, 0);
  }

  get graph(): TrainGraph {
    return this.#graph;
  }

  /** Most bytes that the values of a microstep hold, of all shapes that are compiled; estimated. */
  get valueBytes(): number {
    this.#valueBytes ??= Math.max(...[...this.#graph.microsteps.values()].map((runs) => this.#peakBytes(runs)));
    return this.#valueBytes;
  }

  get session(): GraphSession {
    return this.#session;
  }

  /**
   * The graph, with what `use` needs for batches of `shape`: compiled first if it is not there.
   * @throws LockstepError as the constructor; then everything is as before
   */
  graphFor(use: SectionUse, shape: BatchShape): TrainGraph {
    const part = { use, shape };
    if (!this.#cache.use(idOf(part))) this.#model.withWeights(() => this.#compile(part));
    return this.#graph;
  }

  /** Sets the weights and clears the optimizer's slots. */
  assign(weights: readonly NamedWeight[]): void {
    const feeds = weights.map(({ shape, values }, index) => ({ name: feedNames.initial(index), shape, values }));
    this.#session.run(feeds, [this.#graph.assign]);
    this.accumulates = false;
  }

  /** Sets weights and slots. */
  restore({ weights, slots }: TrainerState): void {
    const feeds = [
      ...weights.map(({ shape, values }, index) => ({ name: feedNames.initial(index), shape, values })),
      ...slots.map(({ shape, values }, index) => ({ name: feedNames.slot(index), shape, values })),
    ];
    this.#session.run(feeds, [this.#graph.restore]);
    this.accumulates = false;
  }

  close(): void {
    this.#session.close();
  }

  #compile(part: SessionPart): void {
    const started = performance.now();
    const sections = new Map(this.#sections);
    for (const id of this.#cache.roomForOne()) sections.delete(id);
    sections.set(idOf(part), this.#record(part));
    const graph = this.#build(sections);
    const session = new GraphSession(this.#options.backend.binding, graph.nodes);
    try {
      this.#moveVariables(graph, session);
    } catch (error) {
      session.close();
      throw error;
    }
    this.#session.close();
    this.#session = session;
    this.#graph = graph;
    this.#valueBytes = undefined;
    this.#sections = sections;
    this.#report([part], started, this.#cache.admit(idOf(part)));
  }

  #record({ use, shape }: SessionPart): CompiledSection {
    const recorded = recordSection(this.#options, sectionFor(use, this.#options.network, shape));
    return { use, shape, recorded };
  }

  #build(sections: ReadonlyMap<string, CompiledSection>): TrainGraph {
    const all = [...sections.values()];
    const shapes = new Map(all.map(({ shape }) => [shape.key, shape]));
    const of = (wanted: SectionUse): ReadonlyMap<string, RecordedSection> =>
      new Map(all.filter(({ use }) => use === wanted).map(({ shape, recorded }) => [shape.key, recorded]));
    const recordings = { training: of('training'), evaluation: of('evaluation'), prediction: of('prediction') };
    return buildTrainGraph(this.#options, [...shapes.values()], recordings);
  }

  /** Weights and slots go from session to session without a copy in JavaScript. */
  #moveVariables(graph: TrainGraph, session: GraphSession): void {
    const { weights, slots } = this.#graph;
    const feeds = [
      ...weights.map((_, index) => feedNames.initial(index)),
      ...slots.map((_, index) => feedNames.slot(index)),
    ];
    this.#session.pass([...weights, ...slots], session, feeds, graph.restore);
    const { accumulated } = this.#graph;
    if (!this.accumulates || graph.restoreAccumulated === null) return;
    const names = accumulated.map((_, index) => feedNames.accumulated(index));
    this.#session.pass(accumulated, session, names, graph.restoreAccumulated);
  }

  #peakBytes(runs: readonly MicrostepRun[]): number {
    const outputs = runs.flatMap((run) => run.alone).map(parseRef);
    return estimatePeakMemory({ nodes: this.#graph.nodes, outputs }).peakBytes;
  }

  #report(parts: readonly SessionPart[], started: number, recompiled: number): void {
    const shapes = [...new Set(parts.map(({ shape }) => describeShape(shape)))];
    const uses = [...new Set(parts.map(({ use }) => use))];
    const seconds = (performance.now() - started) / 1000;
    this.#options.onCompiled?.({ shapes, uses, seconds, recompiled });
  }
}

interface CompiledSection extends SessionPart {
  readonly recorded: RecordedSection;
}

function idOf({ use, shape }: SessionPart): string {
  return `${use} ${shape.key}`;
}
