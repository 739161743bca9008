import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { LockstepRun, outputs, type RunJson, removeOutputs } from '../support/lockstep-run.ts';
import { findPrometheus } from '../support/prometheus-programs.ts';
import { repositoryRoot } from '../support/repository.ts';
import { configurationFor, RunningPrometheus } from '../support/running-prometheus.ts';

after(removeOutputs);

/** Scrapes of training to wait for; they are a second apart. */
const wantedScrapes = 25;

/**
 * By Prometheus's clock: both ends of the window may be off by a scrape's second (8 % of 25), and the run's own mean
 * includes its first, slow steps (about 4 % here), which the window leaves out.
 */
const clockTolerance = 0.15;
/**
 * By step time both counters come from one scrape and count from the start. What the run does after the last scrape,
 * up to a second and a half of 27, can be twice as fast where other processes end: 6 %.
 */
const stepTimeTolerance = 0.08;

const programs = await findPrometheus();

test('Prometheus computes the same throughput as the run', { skip: programs.missing }, async (context) => {
  const job = join(repositoryRoot, 'test', 'support', 'jobs', 'steady.ts');
  const engine = process.env['LOCKSTEP_ENGINE'] || 'tensorflow';
  const run = new LockstepRun(['train', job, '--workers', '2', '--engine', engine, '--metrics-port', '0', '--json']);
  context.after(() => run.signal('SIGTERM'));
  const pattern = /coordinator: metrics at http:\/\/([\d.:]+)\/metrics/;
  const stderr = await run.stderrMatches(pattern);
  const coordinator = pattern.exec(stderr)?.[1];
  assert.ok(coordinator, `the run told no metrics address:\n${stderr}`);

  const configuration = configurationFor(coordinator);
  const prometheus = await RunningPrometheus.start(programs.prometheus, configuration, join(outputs, 'prometheus'));
  context.after(() => prometheus.close());
  await trainingScrapes(prometheus, run);

  assert.equal(await prometheus.value('up{job="lockstep"}'), 1);
  assert.equal(await prometheus.value('sum(up{job="lockstep-workers"})'), 2, 'both workers are discovered and scraped');
  assert.equal(await prometheus.value('lockstep_workers'), 2);
  for (const rule of ['samples:rate1m', 'step_seconds:mean1m']) {
    assert.ok((await prometheus.value(`lockstep:${rule}`)) > 0, `${rule} has data`);
  }
  const phases = await prometheus.query('lockstep:step_phase_seconds:mean1m');
  assert.deepEqual(phases.map(({ metric }) => metric['phase']).sort(), ['apply', 'data', 'forward_backward', 'reduce']);
  const replicaSeconds = await prometheus.query('lockstep:worker_replica_seconds:mean1m');
  assert.deepEqual(replicaSeconds.map(({ metric }) => metric['lockstep_worker']).sort(), ['w0', 'w1']);
  assert.deepEqual(await prometheus.query('ALERTS{alertname!="LockstepStraggler"}'), []);

  run.signal('SIGINT');
  const ended = await run.ended;
  assert.equal(ended.code, 130, ended.stderr);
  const result = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as RunJson;

  const scrapes = await trainingScrapes(prometheus, run);
  const [first, last] = [scrapes[0], scrapes.at(-1)];
  assert.ok(first && last);
  const seconds = last - first;
  const window = `[${Math.round(seconds * 1000)}ms]`;
  const samples = await prometheus.value(`increase(lockstep_samples_total${window})`, last);
  const perStepSecond = await prometheus.value('lockstep_samples_total / lockstep_step_seconds_sum', last);
  const own = result.samplesPerSecond;
  context.diagnostic(
    `${seconds.toFixed(1)} s of training: the run ${own.toFixed(1)} samples/s; Prometheus ` +
      `${(samples / seconds).toFixed(1)} by its clock, ${perStepSecond.toFixed(1)} by step time`,
  );
  assertClose(samples, own * seconds, clockTolerance, 'samples in the window');
  assertClose(perStepSecond, own, stepTimeTolerance, 'samples per second of step time');
  const total = await prometheus.value('max_over_time(lockstep_samples_total[10m])');
  assert.ok(total <= result.samples && total > 0.9 * result.samples, `${total} of ${result.samples} samples were seen`);
});

/** Times of the scrapes that saw committed steps, once there are enough of them. */
async function trainingScrapes(prometheus: RunningPrometheus, run: LockstepRun): Promise<number[]> {
  let failure = '';
  void run.ended.then(({ code, stderr }) => {
    if (code !== 130) failure = stderr;
  });
  for (;;) {
    const [series] = await prometheus.query('lockstep_samples_total[10m]');
    const times = (series?.values ?? []).filter(([, value]) => Number(value) > 0).map(([time]) => time);
    if (times.length >= wantedScrapes) return times;
    assert.equal(failure, '', 'the run failed');
    await setTimeout(200);
  }
}

function assertClose(actual: number, expected: number, tolerance: number, what: string): void {
  const difference = Math.abs(actual - expected) / expected;
  const text = `${what}: ${actual.toFixed(1)} by Prometheus, ${expected.toFixed(1)} by the run`;
  assert.ok(
    difference <= tolerance,
    `${text}: ${(100 * difference).toFixed(1)} % apart, more than ${100 * tolerance} %`,
  );
}
