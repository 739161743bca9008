import { at } from '../../shared/core/index.ts';
import { type Algorithm, type AlgorithmChoice, algorithms, rankGroups } from './algorithm.ts';
import { type BucketPlan, ExchangePlanner } from './exchange-plan.ts';
import type { Member } from './transport.ts';

/** What it costs to pull from a peer. */
export interface LinkCost {
  /** From a request to the first byte of what is there. */
  readonly latencySeconds: number;
  /** Of one direction; of a network shared by all ranks of a host. */
  readonly bytesPerSecond: number;
}

/** What decides how long an allreduce takes. */
export interface CostInputs {
  /** Between hosts. */
  readonly network: LinkCost;
  /** Between workers of one host. */
  readonly host: LinkCost;
  /** Processor time of request and answer, on either side, whatever the size. */
  readonly messageSeconds: number;
  /** Of the additions in a link thread. */
  readonly addedValuesPerSecond: number;
}

/** Who reduces what. */
export interface CostShape {
  readonly members: readonly Pick<Member, 'host' | 'replicas'>[];
  /** Values in each bucket. */
  readonly bucketLengths: readonly number[];
  readonly valueBytes: number;
  readonly segmentBytes: number;
}

/** Of the rank with the most to do. */
export interface Prediction {
  readonly algorithm: Algorithm;
  /** Messages one after the other. */
  readonly latencySteps: number;
  /** Segments that it receives. */
  readonly messages: number;
  readonly bytesReceived: number;
  /** Those of them that come from other hosts. */
  readonly networkBytes: number;
  readonly seconds: number;
}

/**
 * Assumed where nobody gives better ones: machines on 10 Gbit/s Ethernet in one rack, a core for each link thread.
 * `auto` uses them on every member alike, so a measurement that differs between members can't part them.
 */
export const defaultCosts: CostInputs = {
  network: { latencySeconds: 100e-6, bytesPerSecond: 1.1e9 },
  host: { latencySeconds: 200e-6, bytesPerSecond: 1.2e9 },
  messageSeconds: 60e-6,
  addedValuesPerSecond: 2e9,
};

/**
 * The time of one allreduce: P·α + M·o + B/β + A/γ. P latency steps of α; M messages of o; B bytes over a link of β,
 * which the ranks of a host share when it leads out of it; A additions at γ. Buckets overlap, so the latency counts once.
 */
export function predict(algorithm: Algorithm, shape: CostShape, costs: CostInputs = defaultCosts): Prediction {
  const members = shape.members.map((member, rank) => ({ ...member, rank, workerId: '', address: '' }));
  const root = rankGroups(algorithm, members);
  const planners = shape.bucketLengths.map((length) => new ExchangePlanner(root, members, length));
  const latencySteps = 2 * root.height;
  const crosses = members.some(({ host }) => host !== at(members, 0).host);
  const latency = crosses
    ? Math.max(costs.network.latencySeconds, costs.host.latencySeconds)
    : costs.host.latencySeconds;
  let worst: Prediction | undefined;
  for (const rank of typicalRanks(members.length)) {
    const work = planners.map((planner) => workOf(planner.plan(rank), rank, { ...shape, members }));
    const total = (part: keyof Work) => work.reduce((sum, bucket) => sum + bucket[part], 0);
    const onHost = members.filter(({ host }) => host === at(members, rank).host).length;
    const seconds =
      latencySteps * latency +
      total('messages') * costs.messageSeconds +
      total('hostBytes') / costs.host.bytesPerSecond +
      (total('networkBytes') * onHost) / costs.network.bytesPerSecond +
      total('additions') / costs.addedValuesPerSecond;
    if (worst !== undefined && worst.seconds >= seconds) continue;
    const networkBytes = total('networkBytes');
    const bytesReceived = networkBytes + total('hostBytes');
    worst = { algorithm, latencySteps, messages: total('messages'), bytesReceived, networkBytes, seconds };
  }
  return worst ?? { algorithm, latencySteps, messages: 0, bytesReceived: 0, networkBytes: 0, seconds: 0 };
}

/** All algorithms, the fastest first; of equal ones the simplest. */
export function compareAlgorithms(shape: CostShape, costs: CostInputs = defaultCosts): Prediction[] {
  return algorithms.map((algorithm) => predict(algorithm, shape, costs)).sort((a, b) => a.seconds - b.seconds);
}

/** A pure function of what all members of a generation know: all of them choose the same without a word. */
export function chooseAlgorithm(choice: AlgorithmChoice, shape: CostShape): Algorithm {
  return choice === 'auto' ? at(compareAlgorithms(shape), 0).algorithm : choice;
}

interface Work {
  readonly messages: number;
  readonly hostBytes: number;
  readonly networkBytes: number;
  readonly additions: number;
}

function workOf({ zones, gathers }: BucketPlan, rank: number, shape: CostShape): Work {
  const { members, valueBytes, segmentBytes } = shape;
  let [messages, hostBytes, networkBytes, additions] = [0, 0, 0, 0];
  const receive = (from: number, values: number) => {
    const bytes = values * valueBytes;
    messages += Math.ceil(bytes / segmentBytes);
    if (at(members, from).host === at(members, rank).host) hostBytes += bytes;
    else networkBytes += bytes;
  };
  for (const { values, pulls } of zones) {
    for (const pull of pulls) receive(pull.rank, values.end - values.start);
    additions += pulls.length * (values.end - values.start);
  }
  for (const { rank: from, values } of gathers) receive(from, values.end - values.start);
  return { messages, hostBytes, networkBytes, additions };
}

/** All ranks of a few; the ends and some between of many: what they do differs by little. */
function typicalRanks(workers: number): number[] {
  if (workers <= 16) return Array.from({ length: workers }, (_, rank) => rank);
  return [0, 1, workers >> 2, workers >> 1, workers - 2, workers - 1];
}
