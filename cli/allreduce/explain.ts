import { formatCosts, reasonOf } from '../../worker/collective/index.ts';
import { formatBytes, formatTable, type SizeReport } from './report.ts';

/** What the cost model says of one algorithm at one size, beside what was measured. */
export interface Explanation {
  readonly workers: number;
  readonly bytes: number;
  readonly algorithm: string;
  /** The one that `auto` took. */
  readonly isChosen: boolean;
  readonly latencySteps: number;
  readonly messages: number;
  readonly bytesReceived: number;
  readonly predictedSeconds: number;
  readonly measuredSeconds: number | null;
  /** Predicted ÷ measured. */
  readonly ratio: number | null;
}

/** The predictions that `auto` chose by when the ranks had measured their links. */
export function explain(reports: readonly SizeReport[]): Explanation[] {
  return reports.flatMap(({ workers, bytes, others, exchange }) =>
    (exchange?.predictions ?? []).map(({ algorithm, seconds, latencySteps, messages, bytesReceived }) => {
      const measuredSeconds = others[algorithm]?.seconds ?? null;
      const ratio = measuredSeconds === null ? null : seconds / measuredSeconds;
      const isChosen = algorithm === exchange?.algorithm;
      const work = { latencySteps, messages, bytesReceived };
      return { workers, bytes, algorithm, isChosen, ...work, predictedSeconds: seconds, measuredSeconds, ratio };
    }),
  );
}

/** A table of all predictions, and for each size what they follow from and why one was chosen. */
export function formatExplanations(explanations: readonly Explanation[], reports: readonly SizeReport[]): string {
  const ms = (seconds: number | null): string => (seconds === null ? '–' : `${(seconds * 1e3).toFixed(2)} ms`);
  const head = ['workers', 'size', 'algorithm', 'latency steps', 'messages', 'received', 'predicted', 'measured'];
  const rows = explanations.map((each) => [
    ...[String(each.workers), formatBytes(each.bytes), each.isChosen ? `auto: ${each.algorithm}` : each.algorithm],
    ...[String(each.latencySteps), String(each.messages), `${(each.bytesReceived / 1e6).toFixed(2)} MB`],
    ...[ms(each.predictedSeconds), ms(each.measuredSeconds), each.ratio === null ? '–' : each.ratio.toFixed(2)],
  ]);
  const choices = reports.flatMap(({ workers, bytes, exchange }) => {
    if (exchange === undefined || exchange.costs === null) return [];
    return `${workers} workers, ${formatBytes(bytes)}: ${reasonOf(exchange)}; measured when they joined: ${formatCosts(exchange.costs)}`;
  });
  const title = 'By the cost model, for the rank with the most to do; the ratio is predicted ÷ measured:';
  return [title, '', formatTable([...head, 'ratio'], rows), '', ...choices].join('\n');
}
