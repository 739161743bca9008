import { at } from '../../shared/core/index.ts';
import { type Algorithm, type AlgorithmChoice, algorithms, rankGroups } from './algorithm.ts';
import { type BucketPlan, ExchangePlanner } from './exchange-plan.ts';
import type { Member } from './transport.ts';

/** What it costs to pull from a peer. */
export interface LinkCost {
  /** From a request to the first byte of what is there, without what a message costs a processor. */
  readonly latencySeconds: number;
  /** Of one direction; of a network shared by all ranks of a host. */
  readonly bytesPerSecond: number;
}

/**
 * What decides how long an allreduce takes: as measured when a generation begins (link-probe.ts), or assumed. Times
 * inside a host are those of a link thread with a core for itself.
 */
export interface CostInputs {
  /** Between hosts. */
  readonly network: LinkCost;
  /** Between workers of one host. */
  readonly host: LinkCost;
  /** Processor time of request and answer, of receiver and sender together, whatever the size. */
  readonly messageSeconds: number;
  /** Of the additions in a link thread. */
  readonly addedValuesPerSecond: number;
  /** Cores of a host: more ranks than these take turns. */
  readonly cores: number;
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

/** For clusters that nobody measured: machines on 10 Gbit/s Ethernet in one rack, a core for each link thread. */
export const defaultCosts: CostInputs = {
  network: { latencySeconds: 100e-6, bytesPerSecond: 1.1e9 },
  host: { latencySeconds: 200e-6, bytesPerSecond: 1.2e9 },
  messageSeconds: 60e-6,
  addedValuesPerSecond: 2e9,
  cores: Number.POSITIVE_INFINITY,
};

/**
 * The time of one allreduce: (P+1)·α + k·(M·o + B/β + A/γ) + L·N/ν. P latency steps of α, and one for the way from the
 * main thread and back; M messages of o; B bytes inside the host at β; A additions at γ; N bytes over a network of ν,
 * which the host's L ranks share. That they also share its c cores makes k = max(1, L/c). Buckets overlap, so the
 * latency counts once.
 */
export function predict(algorithm: Algorithm, shape: CostShape, costs: CostInputs = defaultCosts): Prediction {
  const members = shape.members.map((member, rank) => ({ ...member, rank, workerId: '', address: '' }));
  const root = rankGroups(algorithm, members);
  const planners = shape.bucketLengths.map((length) => new ExchangePlanner(root, members, length));
  const latencySteps = Math.max(0, ...planners.map((planner) => planner.latencySteps));
  const crosses = members.some(({ host }) => host !== at(members, 0).host);
  let worst: Prediction | undefined;
  for (const rank of typicalRanks(members.length)) {
    const work = planners.map((planner) => workOf(planner.plan(rank), rank, { ...shape, members }));
    const total = (part: keyof Work) => work.reduce((sum, bucket) => sum + bucket[part], 0);
    const onHost = members.filter(({ host }) => host === at(members, rank).host).length;
    const crowd = crowdOf(onHost, costs.cores);
    const latencySeconds = Math.max(crosses ? costs.network.latencySeconds : 0, crowd * costs.host.latencySeconds);
    const ownSeconds =
      total('messages') * costs.messageSeconds +
      total('hostBytes') / costs.host.bytesPerSecond +
      total('additions') / costs.addedValuesPerSecond;
    const networkSeconds = (total('networkBytes') * onHost) / costs.network.bytesPerSecond;
    const seconds = (latencySteps + 1) * latencySeconds + crowd * ownSeconds + networkSeconds;
    if (worst !== undefined && worst.seconds >= seconds) continue;
    const networkBytes = total('networkBytes');
    const bytesReceived = networkBytes + total('hostBytes');
    worst = { algorithm, latencySteps, messages: total('messages'), bytesReceived, networkBytes, seconds };
  }
  return worst ?? { algorithm, latencySteps, messages: 0, bytesReceived: 0, networkBytes: 0, seconds: 0 };
}

/** How many times as long computing takes where `ranks` link threads have `cores` cores. */
export function crowdOf(ranks: number, cores: number): number {
  return Math.max(1, ranks / cores);
}

/** All algorithms, the fastest first; of equal ones the simplest. */
export function compareAlgorithms(shape: CostShape, costs: CostInputs = defaultCosts): Prediction[] {
  return algorithms.map((algorithm) => predict(algorithm, shape, costs)).sort((a, b) => a.seconds - b.seconds);
}

/** A pure function of what all members of a generation know: all of them choose the same. */
export function chooseAlgorithm(choice: AlgorithmChoice, shape: CostShape, costs?: CostInputs): Algorithm {
  return choice === 'auto' ? at(compareAlgorithms(shape, costs), 0).algorithm : choice;
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
