import { type CostInputs, compareAlgorithms, defaultCosts } from '../../worker/collective/index.ts';
import type { LinkSpeed } from '../network/index.ts';
import { cutBuckets, SEGMENT_BYTES } from './lockstep-group.ts';
import { formatBytes, formatTable, type SizeReport } from './report.ts';

export interface ExplainOptions {
  readonly bucketBytes: number;
  readonly wire: 'float32' | 'bfloat16';
  readonly link: LinkSpeed | null;
}

/** What the cost model says of one algorithm at one size, beside what was measured. */
export interface Explanation {
  readonly workers: number;
  readonly bytes: number;
  readonly algorithm: string;
  /** The one that `auto` takes. */
  readonly isChosen: boolean;
  readonly latencySteps: number;
  readonly messages: number;
  readonly bytesReceived: number;
  readonly predictedSeconds: number;
  readonly measuredSeconds: number | null;
}

/** By the assumptions that `auto` chooses by, so that a choice that costs time is seen. The link's own speed is known. */
export function explain(reports: readonly SizeReport[], { bucketBytes, wire, link }: ExplainOptions): Explanation[] {
  return reports.flatMap(({ workers, bytes, others }) => {
    const shape = {
      members: Array.from({ length: workers }, (_, rank) => ({
        host: link === null ? '' : `n${rank}`,
        replicas: { start: rank, end: rank + 1 },
      })),
      bucketLengths: cutBuckets(bytes, bucketBytes),
      ...{ valueBytes: wire === 'float32' ? 4 : 2, segmentBytes: SEGMENT_BYTES },
    };
    const chosen = compareAlgorithms(shape)[0]?.algorithm;
    return compareAlgorithms(shape, costsOn(link)).map(({ algorithm, seconds, ...prediction }) => ({
      ...{ workers, bytes, algorithm, isChosen: algorithm === chosen, predictedSeconds: seconds },
      latencySteps: prediction.latencySteps,
      messages: prediction.messages,
      bytesReceived: prediction.bytesReceived,
      measuredSeconds: others[algorithm]?.seconds ?? null,
    }));
  });
}

function costsOn(link: LinkSpeed | null): CostInputs {
  if (link === null) return defaultCosts;
  const latencySeconds = (2 * link.delayMs) / 1000 + defaultCosts.host.latencySeconds;
  return { ...defaultCosts, network: { latencySeconds, bytesPerSecond: link.bitsPerSecond / 8 } };
}

export function formatExplanations(explanations: readonly Explanation[]): string {
  const ms = (seconds: number | null): string => (seconds === null ? '–' : `${(seconds * 1e3).toFixed(2)} ms`);
  const head = ['workers', 'size', 'algorithm', 'latency steps', 'messages', 'received', 'predicted', 'measured'];
  const rows = explanations.map((each) => [
    ...[String(each.workers), formatBytes(each.bytes), each.isChosen ? `auto: ${each.algorithm}` : each.algorithm],
    ...[String(each.latencySteps), String(each.messages), `${(each.bytesReceived / 1e6).toFixed(2)} MB`],
    ...[ms(each.predictedSeconds), ms(each.measuredSeconds)],
  ]);
  return formatTable(head, rows);
}
