import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import {
  coordinatorMetrics,
  createLog,
  createRegistry,
  observeStep,
  workerMetrics,
} from '../../shared/telemetry/index.ts';

const step = {
  step: 4,
  samples: 32,
  lossSum: 16,
  metricSums: [24],
  dataSeconds: 0.01,
  forwardBackwardSeconds: 0.2,
  reduceSeconds: 0.03,
  applySeconds: 0.004,
  stepSeconds: 0.25,
  skipped: false,
};

const accuracy = { name: 'accuracy', config: { kind: 'mean' }, width: 1, classes: 1, weighted: false } as const;

test('a committed step counts samples and shows means', async () => {
  const registry = createRegistry();
  observeStep(coordinatorMetrics(registry), step, [accuracy]);
  const text = await registry.metrics();
  assert.match(text, /^lockstep_samples_total 32$/m);
  assert.match(text, /^lockstep_steps_total 1$/m);
  assert.match(text, /^lockstep_step 5$/m);
  assert.match(text, /^lockstep_loss 0\.5$/m);
  assert.match(text, /^lockstep_metric\{name="accuracy"\} 0\.75$/m);
  assert.match(text, /^lockstep_step_phase_seconds_sum\{phase="forward_backward"\} 0\.2$/m);
});

test('coordinator and worker metrics live side by side, the worker ones with their own prefix', async () => {
  const registry = createRegistry();
  coordinatorMetrics(registry);
  observeStep(workerMetrics(registry), step, []);
  assert.match(await registry.metrics(), /^lockstep_worker_samples_total 32$/m);
});

test('a step without samples leaves the loss as it was', async () => {
  const registry = createRegistry();
  const metrics = coordinatorMetrics(registry);
  observeStep(metrics, step, []);
  observeStep(metrics, { ...step, step: 5, samples: 0, lossSum: 0 }, []);
  assert.match(await registry.metrics(), /^lockstep_loss 0\.5$/m);
});

test('a log is quiet below its level and carries its fields in JSON', () => {
  const lines: string[] = [];
  const log = createLog({ component: 'worker', worker: 'w1', write: (line) => lines.push(line) });
  log.info('not shown');
  log.with({ step: 3 }).warn('slow peer', { peer: 'w2' });
  assert.equal(lines.length, 1);
  const { time, ...record } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  assert.deepEqual(record, { level: 'warn', component: 'worker', worker: 'w1', step: 3, peer: 'w2', msg: 'slow peer' });
});

test('a pretty log is a line for people, with the stack of an error below it', () => {
  const lines: string[] = [];
  const log = createLog({ component: 'coordinator', format: 'pretty', write: (line) => lines.push(line) });
  log.error('gave up', { attempts: 3, error: new LockstepError('run/waiting', 'nobody came') });
  assert.match(
    lines[0] ?? '',
    /^\d\d:\d\d:\d\d\.\d{3} error coordinator: gave up {2}attempts=3\nLockstepError: nobody came\n/,
  );
});
