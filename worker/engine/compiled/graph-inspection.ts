import { at, invariant } from '../../../shared/core/index.ts';
import {
  EMPTY_READINGS,
  estimatePeakMemory,
  type GraphNode,
  isGradient,
  layerOf,
  type MemoryEstimate,
  parseRef,
  refText,
  timeNodes,
} from '../../graph/index.ts';
import type { Trainer } from '../engine.ts';
import type { Inspection, OpTime, OpTimes } from '../inspection.ts';
import type { NativeBinding } from '../native-backend.ts';
import { type GraphRun, GraphSession } from './graph-session.ts';

const WARM_UP_PASSES = 3;

/** What a trainer runs now. */
interface CompiledGraph {
  readonly graph: { readonly nodes: readonly GraphNode[] };
  readonly session: GraphSession;
}

/** Looks at the runs that a trainer makes of its session. */
export class GraphInspection implements Inspection {
  readonly weightBytes: number;
  readonly slotBytes: number;
  readonly #binding: NativeBinding;
  readonly #compiled: CompiledGraph;
  readonly #trainer: Pick<Trainer, 'readWeights' | 'writeWeights'>;

  constructor(binding: NativeBinding, compiled: CompiledGraph, trainer: Pick<Trainer, 'readWeights' | 'writeWeights'>) {
    this.weightBytes = variableBytes(compiled.graph.nodes, 'weight');
    this.slotBytes = variableBytes(compiled.graph.nodes, 'slot');
    this.#binding = binding;
    this.#compiled = compiled;
    this.#trainer = trainer;
  }

  get nodes(): readonly GraphNode[] {
    return this.#compiled.graph.nodes;
  }

  estimateMemory(call: () => void): MemoryEstimate {
    return estimatePeakMemory({ nodes: this.nodes, outputs: this.#capture(call).outputs.map(parseRef) });
  }

  timeOps(call: () => void, passes: number): OpTimes {
    const weights = this.#trainer.readWeights();
    const initialize = this.#capture(() => this.#trainer.writeWeights(weights));
    const run = this.#capture(call);
    const graph = { nodes: this.nodes, outputs: run.outputs.map(parseRef) };
    const { nodes, readings, timed } = timeNodes(graph, initialize.outputs.map(parseRef));
    const session = new GraphSession(this.#binding, nodes);
    try {
      session.run(initialize.feeds, initialize.outputs);
      const wanted = [refText(readings), ...run.outputs];
      const whole: number[] = [];
      const timedRuns: number[] = [];
      const clocks: Float32Array[] = [];
      for (let pass = -WARM_UP_PASSES; pass < passes; pass++) {
        const start = performance.now();
        this.#compiled.session.run(run.feeds, run.outputs);
        const between = performance.now();
        const [clock] = session.run(run.feeds, wanted);
        const end = performance.now();
        invariant(clock !== undefined, 'the clock is read');
        if (pass < 0) continue;
        whole.push(between - start);
        timedRuns.push(end - between);
        clocks.push(clock);
      }
      return {
        ...opTimes(timed, clocks),
        wholeMilliseconds: middleMean(whole),
        timedMilliseconds: middleMean(timedRuns),
      };
    } finally {
      session.close();
    }
  }

  /** The one run that `call` makes, with values of its own; of a shape that is compiled already. */
  #capture(call: () => void): GraphRun {
    const runs: GraphRun[] = [];
    const { session } = this.#compiled;
    session.onRun = ({ feeds, outputs }) => {
      const copies = feeds.map(({ name, shape, values }) => ({ name, shape, values: values.slice() }));
      runs.push({ feeds: copies, outputs: [...outputs] });
    };
    try {
      call();
    } finally {
      session.onRun = undefined;
    }
    const [run] = runs;
    invariant(run !== undefined && runs.length === 1, `a call of one run made ${runs.length}`);
    return run;
  }
}

/** Bytes of the float32 variables whose names begin with `prefix`. */
function variableBytes(nodes: readonly GraphNode[], prefix: string): number {
  let bytes = 0;
  for (const { op, name, attrs } of nodes) {
    if (op !== 'VarHandleOp' || !name.startsWith(prefix) || attrs.shape?.kind !== 'shape') continue;
    bytes += attrs.shape.value.reduce((product, length) => product * length, 4);
  }
  return bytes;
}

/** @param clocks seconds at each reading (`timeNodes`), one array per pass */
function opTimes(
  timed: readonly GraphNode[],
  clocks: readonly Float32Array[],
): Pick<OpTimes, 'ops' | 'readingMilliseconds'> {
  const between = (clock: Float32Array, from: number, to: number): number => 1000 * (at(clock, to) - at(clock, from));
  const reading = middleMean(clocks.map((clock) => between(clock, 0, EMPTY_READINGS) / EMPTY_READINGS));
  const ops = timed.map((node, index): OpTime => {
    const before = EMPTY_READINGS + index;
    const elapsed = middleMean(clocks.map((clock) => between(clock, before, before + 1)));
    return {
      name: node.name,
      op: node.op,
      layer: layerOf(node.name),
      isGradient: isGradient(node.name),
      milliseconds: Math.max(0, elapsed - reading),
      startMilliseconds: middleMean(clocks.map((clock) => between(clock, EMPTY_READINGS, before))),
    };
  });
  return { ops, readingMilliseconds: reading };
}

/** The mean of the middle half: the clock counts whole microseconds, so a median of short times would too. */
function middleMean(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const quarter = Math.floor(sorted.length / 4);
  const middle = sorted.slice(quarter, sorted.length - quarter);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}
