import { type Event, reduce } from '../../coordinator/membership/index.ts';
import { MembershipRun, stepReport } from '../support/membership-run.ts';

/** As the workers' link threads and the coordinator's timer have it. */
const BEATS_PER_SECOND = 2;
const TICKS_PER_SECOND = 4;

/** CPU of the reducer alone for one simulated second of `workers` that beat, and commit one step. */
function secondOf(workers: number): { joinSeconds: number; cpuSeconds: number } {
  const limits = { heartbeatTimeoutMs: 5000, joinTimeoutMs: 1e9, startWorkers: workers };
  const run = new MembershipRun({ workers, replicas: workers }, true, limits);
  const joining = process.cpuUsage();
  for (let worker = 1; worker <= workers; worker++) run.hello(worker);
  for (let worker = 1; worker <= workers; worker++) {
    run.ready(worker, 'hash', { globalBatchSize: workers, trainSamples: 1000 * workers });
  }
  const joinSeconds = cpuSince(joining);
  let { state } = run;
  const give = (event: Event): void => {
    state = reduce(state, event, run.now).state;
  };
  const bytes = { bytesSent: 0, bytesReceived: 0, deviceMemoryBytes: 0 };
  const beat = { step: 0, phase: 'reduce' as const, phaseMs: 1, ...bytes };
  const started = process.cpuUsage();
  for (let round = 0; round < BEATS_PER_SECOND; round++) {
    run.now += 1000 / BEATS_PER_SECOND;
    for (let worker = 1; worker <= workers; worker++) give({ kind: 'heartbeat', from: run.from(worker), beat });
    for (let tick = 0; tick < TICKS_PER_SECOND / BEATS_PER_SECOND; tick++) give({ kind: 'tick' });
  }
  for (let worker = 1; worker <= workers; worker++) {
    give({ kind: 'stepCommitted', from: run.from(worker), report: stepReport(0) });
  }
  return { joinSeconds, cpuSeconds: cpuSince(started) };
}

function cpuSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

console.log('workers  CPU to join  CPU of one second: heartbeats, ticks and one step');
for (const workers of [100, 1000, 10_000]) {
  const { joinSeconds, cpuSeconds } = secondOf(workers);
  console.log(
    `${String(workers).padStart(7)}  ${joinSeconds.toFixed(2).padStart(9)} s  ${cpuSeconds.toFixed(3).padStart(9)} s`,
  );
}
