import { availableParallelism } from 'node:os';
import { at, type Clock } from '../../shared/core/index.ts';
import { addValues } from './add-values.ts';
import { type CostInputs, crowdOf, defaultCosts } from './cost-model.ts';
import { headerBytes, type ItemKey, type Shelf } from './shelf.ts';
import type { Member } from './transport.ts';

const batchMessages = 32;
const roundTrips = 5;
/** Each measurement is taken once to warm the code up, then this often. */
const repetitions = 2;
/** What takes longer, on a slow link or a busy host, is not repeated: a warm measurement would differ by less. */
const patienceSeconds = 0.1;
/** Enough segments that one is written while another is read. */
const probeSegments = 4;
const maxProbeBytes = 4 * 1024 * 1024;
const addedValues = 2 ** 18;
/** Ranks whose figures count: rank 0 asks each of them. */
const maxReports = 64;

const itemOf = (item: number): ItemKey => ({ purpose: 'probe', round: 0, item });
const [content, report, decision] = [itemOf(0), itemOf(1), itemOf(2)];

export interface LinkProbeOptions {
  readonly shelf: Shelf;
  readonly rank: number;
  readonly members: readonly Member[];
  readonly segmentBytes: number;
  readonly clock: Clock;
}

/**
 * Measures what the cost model needs, over the streams that gradients will take: messages and some MB from a neighbour on
 * the same host, and from one on another. All ranks measure at once, as they will exchange at once. Rank 0 takes the
 * medians and tells all: every rank returns the same numbers. Tens of milliseconds where each rank has a core.
 * @throws what Shelf.fetch throws
 */
export async function probeLinks(options: LinkProbeOptions): Promise<CostInputs> {
  const { shelf, rank, members } = options;
  const bytes = Math.min(maxProbeBytes, probeSegments * options.segmentBytes);
  // Not zeros, which need not travel.
  shelf.offer(content, new Uint8Array(bytes).fill(1));
  const { onHost, between, ranksHere } = neighboursOf(rank, members);
  const own = [
    ...(await measureLink(options, onHost, bytes)),
    ...(await measureLink(options, between, bytes)),
    ...[await measureAdditions(options.clock), availableParallelism(), ranksHere],
  ];
  const isAsked = reportingRanks(members.length).includes(rank);
  if (isAsked) shelf.offer(report, toBytes(own));
  if (rank !== 0) return toCosts(fromBytes(await shelf.fetch(decision, [0])));
  const others = reportingRanks(members.length).filter((other) => other !== 0);
  const reports = await Promise.all(others.map(async (other) => fromBytes(await shelf.fetch(report, [other]))));
  const merged = own.map((_, figure) => median([own, ...reports].map((figures) => at(figures, figure))));
  shelf.offer(decision, toBytes(merged));
  return toCosts(merged);
}

/** The probe's bytes are needed no more: all ranks know the decision. */
export function endProbe(shelf: Shelf): void {
  for (const item of [content, report, decision]) shelf.withdraw(item);
}

/** Round trip, message, byte: seconds of wall-clock time; not-a-number where there is no such peer. */
async function measureLink(
  { shelf, clock, segmentBytes }: LinkProbeOptions,
  peer: number | undefined,
  bytes: number,
): Promise<readonly [number, number, number]> {
  if (peer === undefined) return [Number.NaN, Number.NaN, Number.NaN];
  const [header, target] = [new Uint8Array(headerBytes), new Uint8Array(bytes)];
  const message = () => shelf.pull(content, peer, header, { start: 0, end: headerBytes }, 'header');
  // The wait for the peer's connection and offer is no time of the link.
  await message();
  const batch = () => Promise.all(Array.from({ length: batchMessages }, message));
  const batchSeconds = await timed(clock, repetitions, batch);
  const roundTrip = await timed(clock, roundTrips, message);
  const all = await timed(clock, repetitions, () => shelf.pull(content, peer, target, { start: 0, end: bytes }));
  const messageSeconds = batchSeconds / batchMessages;
  // At least half of it is the bytes' own.
  const perByte = Math.max(all / 2, all - Math.ceil(bytes / segmentBytes) * messageSeconds) / bytes;
  return [roundTrip, messageSeconds, perByte];
}

/** Seconds for one value. */
async function measureAdditions(clock: Clock): Promise<number> {
  const [into, values] = [new Float32Array(addedValues).fill(1), new Float32Array(addedValues).fill(1)];
  return (await timed(clock, repetitions, () => addValues(into, into, values))) / addedValues;
}

async function timed(clock: Clock, times: number, work: () => unknown): Promise<number> {
  const once = async () => {
    const startMs = clock.now();
    await work();
    return Math.max(1e-9, (clock.now() - startMs) / 1e3);
  };
  const cold = await once();
  if (cold > patienceSeconds) return cold;
  const seconds: number[] = [];
  for (let time = 0; time < times; time++) seconds.push(await once());
  return median(seconds);
}

/** The next rank on the same host, and the one in the same place on the next host. */
function neighboursOf(rank: number, members: readonly Member[]) {
  const hosts = new Map<string, number[]>();
  for (const { host, rank: other } of members) hosts.set(host, [...(hosts.get(host) ?? []), other]);
  const all = [...hosts.values()];
  const own = all.findIndex((ranks) => ranks.includes(rank));
  const here = at(all, own);
  const next = at(all, (own + 1) % all.length);
  const place = here.indexOf(rank);
  return {
    onHost: here.length > 1 ? at(here, (place + 1) % here.length) : undefined,
    between: all.length > 1 ? at(next, place % next.length) : undefined,
    ranksHere: here.length,
  };
}

/** Spread over all ranks; rank 0 is one of them. */
function reportingRanks(workers: number): number[] {
  const count = Math.min(workers, maxReports);
  return Array.from({ length: count }, (_, index) => Math.floor((index * workers) / count));
}

/** Where there is no link of a kind, its assumed figures stand, and nothing uses them. */
function toCosts(figures: readonly number[]): CostInputs {
  const [hostTrip, hostMessage, hostByte, networkTrip, networkMessage, networkByte, addition, cores, ranks] =
    figures as readonly [number, number, number, number, number, number, number, number, number];
  const crowd = crowdOf(ranks, cores);
  const hasHost = !Number.isNaN(hostTrip);
  const host = hasHost
    ? { latencySeconds: Math.max(0, hostTrip - hostMessage) / crowd, bytesPerSecond: crowd / hostByte }
    : defaultCosts.host;
  const network = Number.isNaN(networkTrip)
    ? defaultCosts.network
    : { latencySeconds: Math.max(0, networkTrip - networkMessage), bytesPerSecond: ranks / networkByte };
  const messageSeconds = (hasHost ? hostMessage : networkMessage) / crowd;
  return { host, network, messageSeconds, addedValuesPerSecond: crowd / addition, cores };
}

/** Of those that are numbers. */
function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

const toBytes = (figures: readonly number[]) => new Uint8Array(new Float64Array(figures).buffer);

const fromBytes = (bytes: Uint8Array) => [...new Float64Array(bytes.slice().buffer)];
