import type { OpTimes } from '../engine/index.ts';
import type { StepPhases } from './step-phases.ts';

/** An event of Chrome's trace format; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  /** X: a span; M: the name of a row. */
  readonly ph: 'X' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface TracedOps {
  readonly title: string;
  readonly times: OpTimes;
}

/**
 * JSON that chrome://tracing and ui.perfetto.dev open: the measured steps in one process, and in another for each timed
 * graph its ops in the order in which they ran, one row for all and one for each layer.
 */
export function chromeTrace(phases: readonly StepPhases[], graphs: readonly TracedOps[]): string {
  const events = [...stepEvents(phases), ...graphs.flatMap((graph, index) => opEvents(graph, index + 2))];
  return JSON.stringify({ displayTimeUnit: 'ms', traceEvents: events });
}

function stepEvents(phases: readonly StepPhases[]): TraceEvent[] {
  const origin = phases[0]?.startMilliseconds ?? 0;
  const place = { pid: 1, tid: 1 };
  const spans = phases.flatMap(({ step, startMilliseconds, ...spent }) => {
    let begin = startMilliseconds - origin;
    return (['data', 'forwardBackward', 'apply'] as const).map((phase): TraceEvent => {
      const event = span(place, phase, begin, spent[phase], { cat: 'step', args: { step } });
      begin += spent[phase];
      return event;
    });
  });
  return [title(1, 'steps'), ...spans];
}

function opEvents({ title: text, times }: TracedOps, pid: number): TraceEvent[] {
  const layers = [...new Set(times.ops.map(({ layer }) => layer ?? outside))];
  const rows = ['all ops', ...layers].map((name, tid): TraceEvent => rowName(pid, tid, name));
  const spans = times.ops.flatMap(({ name, op, layer, isGradient, startMilliseconds, milliseconds }) => {
    const row = 1 + layers.indexOf(layer ?? outside);
    const about = { cat: isGradient ? 'backward' : 'forward', args: { name, layer } };
    return [0, row].map((tid) => span({ pid, tid }, op, startMilliseconds, milliseconds, about));
  });
  return [title(pid, text), ...rows, ...spans];
}

const outside = 'outside of layers';

function span(
  place: { readonly pid: number; readonly tid: number },
  name: string,
  startMilliseconds: number,
  milliseconds: number,
  about: Pick<TraceEvent, 'cat' | 'args'>,
): TraceEvent {
  return { name, ph: 'X', ...place, ts: 1000 * startMilliseconds, dur: 1000 * milliseconds, ...about };
}

function title(pid: number, name: string): TraceEvent {
  return { name: 'process_name', ph: 'M', pid, tid: 0, args: { name } };
}

function rowName(pid: number, tid: number, name: string): TraceEvent {
  return { name: 'thread_name', ph: 'M', pid, tid, args: { name } };
}
