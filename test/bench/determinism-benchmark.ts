import { formatTable, median } from '../../cli/allreduce/index.ts';
import { at, RandomStream } from '../../shared/core/index.ts';
import { addValues } from '../../worker/collective/add-values.ts';
import { TreeSum } from '../../worker/collective/index.ts';

export interface OrderTimes {
  readonly replicas: number;
  /** Processor seconds of all additions for one GB of each replica's values, along the canonical tree. */
  readonly canonical: number;
  /** The same in the order of arrival. */
  readonly arrival: number;
  /** Of those, what comes after the last replica's values are there: what a step may wait for. */
  readonly canonicalTail: number;
  readonly arrivalTail: number;
}

/** One message of a reduction: 1 MiB. */
const VALUES = 2 ** 18;
const BYTES = VALUES * 4;

/**
 * What the fixed order of additions costs: the product's own sums (`TreeSum`) and, with the same additions, sums in the
 * order of arrival, over the same random orders, in turns.
 */
export function measureOrders(replicas: number, rounds: number): OrderTimes {
  const random = new RandomStream(replicas);
  const sources = Array.from({ length: replicas }, () => Float32Array.from({ length: VALUES }, () => random.next()));
  const times = { canonical: [] as Timed[], arrival: [] as Timed[] };
  for (let round = 0; round < rounds + WARM_UP; round++) {
    const order = shuffled(replicas, random);
    const canonical = timeSum(canonicalSum(replicas), order, sources);
    const arrival = timeSum(arrivalSum(), order, sources);
    if (round < WARM_UP) continue;
    times.canonical.push(canonical);
    times.arrival.push(arrival);
  }
  const perGigabyte = (timed: readonly Timed[], part: keyof Timed) =>
    median(timed.map((each) => each[part])) * (1e9 / BYTES);
  return {
    replicas,
    canonical: perGigabyte(times.canonical, 'all'),
    arrival: perGigabyte(times.arrival, 'all'),
    canonicalTail: perGigabyte(times.canonical, 'tail'),
    arrivalTail: perGigabyte(times.arrival, 'tail'),
  };
}

const WARM_UP = 20;

interface Timed {
  readonly all: number;
  readonly tail: number;
}

type AddReplica = (replica: number, values: Float32Array) => void;

function canonicalSum(replicas: number): AddReplica {
  const sum = new TreeSum({ start: 0, end: replicas }, replicas, VALUES);
  return (replica, values) => sum.add({ start: replica, end: replica + 1 }, values);
}

function arrivalSum(): AddReplica {
  let total: Float32Array | undefined;
  return (_, values) => {
    if (total === undefined) total = values;
    else addValues(total, total, values);
  };
}

function timeSum(add: AddReplica, order: readonly number[], sources: readonly Float32Array[]): Timed {
  // Copies beforehand: sums are made in the arrays that they are given.
  const arrived = order.map((replica) => at(sources, replica).slice());
  let all = 0;
  let tail = 0;
  for (const [index, replica] of order.entries()) {
    const start = performance.now();
    add(replica, at(arrived, index));
    tail = (performance.now() - start) / 1e3;
    all += tail;
  }
  return { all, tail };
}

function shuffled(count: number, random: RandomStream): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random.next() * (last + 1));
    const kept = at(order, last);
    order[last] = at(order, other);
    order[other] = kept;
  }
  return order;
}

/** Prints what the canonical order costs for 2 to 64 replicas. */
export function runDeterminismBenchmark({ rounds, json }: { readonly rounds: number; readonly json: boolean }): void {
  const times = [2, 4, 8, 16, 64].map((replicas) => measureOrders(replicas, rounds));
  const ms = (seconds: number): string => (seconds * 1e3).toFixed(0);
  const rows = times.map(({ replicas, canonical, arrival, canonicalTail, arrivalTail }) => [
    ...[String(replicas), ms(canonical), ms(arrival), `${((canonical / arrival - 1) * 100).toFixed(1)} %`],
    ...[ms(canonicalTail), ms(arrivalTail)],
  ]);
  const head = [
    'replicas',
    'tree: ms per GB',
    'arrival: ms per GB',
    'costs',
    'tree: after the last',
    'arrival: after the last',
  ];
  const table = `Sums of 1 MiB messages in random order of arrival, medians.\n\n${formatTable(head, rows)}`;
  (json ? console.error : console.log)(table);
  if (json) console.log(JSON.stringify({ benchmark: 'determinism', rounds, times }));
}
