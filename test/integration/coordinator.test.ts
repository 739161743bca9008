import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type CoordinatorOptions, type RunResult, readJournal } from '../../coordinator/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import { coordinate, get, start } from '../support/coordinator-run.ts';
import { FakeWorker } from '../support/fake-worker.ts';
import { settings } from '../support/membership-run.ts';

test('a second run with the same output directory is refused, and the first goes on undisturbed', async () => {
  const { coordinator, out } = await coordinate();
  await assert.rejects(
    coordinate({ out }),
    (error) => error instanceof LockstepError && error.code === 'config/invalid' && /in use by/.test(error.message),
  );
  const records = readJournal(join(out, 'journal.log'));
  assert.equal(records.length, 1);
  coordinator.stop('test');
  await coordinator.ended;
  const next = await coordinate({ out });
  next.coordinator.stop('test');
  await next.coordinator.ended;
  const earlier = new Set(readJournal(join(out, 'journal.1.log')).map(({ runId }) => runId));
  const later = new Set(readJournal(join(out, 'journal.log')).map(({ runId }) => runId));
  assert.deepEqual([earlier.size, later.size, new Set([...earlier, ...later]).size], [1, 1, 2]);
});

describe('a whole run', () => {
  test('starts, counts, evaluates, ends with exit code 0, and leaves result and journal', async () => {
    const { coordinator, first, second, generation, out, results, text } = await start();
    assert.deepEqual(
      generation.generationStart?.members?.map(({ workerId, rank, firstReplica, endReplica, peerAddress }) => {
        return { workerId, rank, firstReplica, endReplica, peerAddress };
      }),
      [
        { workerId: 'w0', rank: 0, firstReplica: 0, endReplica: 2, peerAddress: '127.0.0.1:1' },
        { workerId: 'w1', rank: 1, firstReplica: 2, endReplica: 4, peerAddress: '127.0.0.1:1' },
      ],
    );
    const welcome = first.messages[0]?.welcome;
    assert.deepEqual(JSON.parse(welcome?.settingsJson ?? ''), settings);
    assert.deepEqual([welcome?.heartbeatIntervalMs, welcome?.heartbeatTimeoutMs], [50, 400]);
    for (let step = 0; step < 20; step++) {
      for (const worker of [first, second]) worker.commit(step, step === 19);
    }
    for (const step of [10, 20]) {
      for (const replica of [0, 1]) first.share(replica, step);
      for (const replica of [2, 3]) second.share(replica, step);
    }
    const { epochEnd } = await first.receive('epochEnd');
    assert.deepEqual(
      [epochEnd?.epoch, epochEnd?.step, epochEnd?.validationLoss, epochEnd?.validationMetrics],
      [0, 10, 0.25, { accuracy: 0.75 }],
    );
    const decision = { epoch: 0, learningRate: 0.5, stop: '', keepWeights: true };
    first.send({ body: 'epochDecision', epochDecision: decision });
    assert.equal((await second.receive('epochDecision')).epochDecision?.learningRate, 0.5);

    const metrics = (await get(coordinator.metricsAddress, '/metrics')).text;
    for (const line of [
      'lockstep_samples_total 640',
      'lockstep_steps_total 20',
      'lockstep_loss 0.5',
      'lockstep_metric{name="accuracy"} 0.75',
      'lockstep_evaluation_loss{split="validation"} 0.25',
      'lockstep_workers 2',
      'lockstep_replicas 4',
      'lockstep_generation 1',
      'lockstep_epoch 2',
      'lockstep_step 20',
      'lockstep_bytes_sent_total{worker="w1"} 5000',
      'lockstep_bytes_received_total{worker="w1"} 6000',
      'lockstep_device_memory_bytes{worker="w0"} 7000',
      'lockstep_step_phase_seconds_count{phase="reduce"} 20',
    ]) {
      assert.ok(metrics.split('\n').includes(line), `no "${line}" in\n${metrics}`);
    }

    await Promise.all([first.finish(20), second.finish(20)]);
    assert.equal(await coordinator.ended, 0);
    const result = JSON.parse(results.at(-1) ?? '') as RunResult;
    const { seconds, history, ...rest } = result;
    assert.ok(seconds > 0);
    assert.deepEqual(rest, {
      ...{
        steps: 20,
        skippedSteps: 0,
        epochs: 2,
        samples: 640,
        replicas: 4,
        workers: 2,
        loss: 0.5,
        metrics: { accuracy: 0.75 },
      },
      ...{ validation: { loss: 0.25, accuracy: 0.75 }, test: null, weightsSha256: 'f'.repeat(64) },
      ...{ samplesPerSecond: 128, bytesSent: 10_000, checkpoint: 'out/model', drained: false, stopped: null },
    });
    assert.deepEqual(
      history.map(({ epoch, steps, validation }) => [epoch, steps, validation]),
      [1, 2].map((epoch) => [epoch, 10, { loss: 0.25, accuracy: 0.75 }]),
    );
    assert.deepEqual(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')), result);
    const kinds = readJournal(join(out, 'journal.log')).map(({ kind }) => kind);
    assert.deepEqual([kinds[0], kinds[1], kinds.at(-1)], ['run', 'generation', 'finished']);
    assert.equal(kinds.filter((kind) => kind === 'step').length, 20);
    assert.match(text(), /done: 20 steps, 640 samples .*\n.*model {4}out\/model/s);
  });

  test('drained ends early with exit code 130 and everything saved', async () => {
    const { coordinator, first, second, results } = await start();
    coordinator.drain('Ctrl-C');
    assert.equal((await first.receive('drain')).drain?.reason, 'Ctrl-C');
    await second.receive('drain');
    for (const worker of [first, second]) worker.commit(0, true);
    await Promise.all([first.finish(1), second.finish(1)]);
    assert.equal(await coordinator.ended, 130);
    const result = JSON.parse(results.at(-1) ?? '') as RunResult;
    assert.deepEqual([result.steps, result.drained], [1, true]);
  });

  test('stopped at once tells all workers why', async () => {
    const { coordinator, first, second, results, text } = await start();
    coordinator.drain('Ctrl-C');
    coordinator.drain('Ctrl-C again');
    for (const worker of [first, second]) {
      assert.equal((await worker.receive('stop')).stop?.error?.code, 'run/interrupted');
      worker.end();
    }
    assert.equal(await coordinator.ended, 130);
    assert.deepEqual(results, []);
    assert.match(text(), /error: run\/interrupted: stopped at once/);
  });
});

describe('a failure', () => {
  /** A run that can't go on without any of its workers. */
  const loop: Partial<CoordinatorOptions> = { settings: { ...settings, mode: 'loop' } };

  test('of a process that dies stops the others with its name', async () => {
    const { coordinator, first, second, text, out } = await start(loop);
    await first.until(() => first.messages.length > 1);
    second.die();
    const { stop } = await first.receive('stop');
    first.end();
    assert.equal(stop?.error?.code, 'run/worker-lost');
    assert.match(
      stop.error.message ?? '',
      /^worker w1 \(pid 4711 on test-host\) was lost in reduce of step 1: its connection closed$/,
    );
    assert.equal(await coordinator.ended, 1);
    assert.match(text(), /error: run\/worker-lost: worker w1 /);
    assert.equal(readJournal(join(out, 'journal.log')).at(-1)?.kind, 'failed');
  });

  test('of a process that stands still is noticed by its silence, and its connection is cut', async () => {
    const { coordinator, first, second } = await start(loop);
    second.fallSilent();
    const { stop } = await first.receive('stop');
    first.end();
    assert.match(stop?.error?.message ?? '', /^worker w1 .* no heartbeat for \d+ ms; last phase reduce since 12 ms$/);
    assert.equal(await coordinator.ended, 1);
    await second.until(() => second.closedWith !== undefined);
    assert.equal(second.closedWith?.code, 'run/worker-lost');
    second.die();
  });

  test('that a worker reports leads the exit report', async () => {
    const { coordinator, first, second, text } = await start();
    const error = {
      code: 'engine/failed',
      message: 'out of memory',
      action: 'fatal',
      detailsJson: '{}',
      causeStack: '',
    };
    second.send({ body: 'failed', failed: { error, step: 3, phase: 2 } });
    second.end();
    await first.receive('stop');
    first.end();
    assert.equal(await coordinator.ended, 1);
    assert.match(
      text(),
      /error: engine\/failed: out of memory \(worker w1, pid 4711 on test-host, in forward-backward of step 3\)/,
    );
  });
});

describe('joining', () => {
  test('with another identity is refused with the field, and fails the run', async () => {
    const { coordinator } = await coordinate();
    const first = await (await FakeWorker.connect(coordinator.address, 'w0')).join();
    const second = await (await FakeWorker.connect(coordinator.address, 'w1')).join({ threads: 4 });
    const { refused } = second.messages[0] ?? {};
    assert.equal(refused?.error?.code, 'job/mismatch');
    assert.match(refused.error.message ?? '', /worker w1 .* has another threads \(4\) than worker w0 .* \(1\)/);
    assert.equal((await first.receive('stop')).stop?.error?.code, 'job/mismatch');
    first.end();
    assert.equal(await coordinator.ended, 1);
    second.die();
  });

  test('with the wrong token is refused, and the run goes on waiting', async () => {
    const { coordinator } = await coordinate({ runToken: 'secret' });
    const stranger = await (await FakeWorker.connect(coordinator.address, 'w9')).join({}, 'guess');
    assert.equal(stranger.closedWith?.code, 'rpc/refused');
    assert.match(
      stranger.closedWith.message,
      /^worker w9 has another run token than the coordinator; give both the same LOCKSTEP_RUN_TOKEN$/,
    );
    const silent = await (await FakeWorker.connect(coordinator.address, 'w8')).join({}, '');
    assert.match(silent.closedWith?.message ?? '', /^worker w8 has no run token, and the coordinator wants one; /);
    silent.die();
    const friend = await (await FakeWorker.connect(coordinator.address, 'w0')).join({}, 'secret');
    assert.equal(friend.messages[0]?.body, 'welcome');
    coordinator.stop('the test is over');
    await friend.receive('stop');
    friend.end();
    assert.equal(await coordinator.ended, 130);
    stranger.die();
  });

  test('before saying hello gets nothing', async () => {
    const { coordinator } = await coordinate();
    const rude = await FakeWorker.connect(coordinator.address, 'w0');
    rude.ready();
    await rude.until(() => rude.closedWith !== undefined);
    assert.equal(rude.closedWith?.code, 'rpc/protocol');
    rude.die();
    coordinator.stop('the test is over');
    assert.equal(await coordinator.ended, 130);
  });

  test('by too few ends at the deadline', async () => {
    const { coordinator, text } = await coordinate({ joinTimeoutMs: 300 });
    assert.equal(await coordinator.ended, 1);
    assert.match(text(), /error: run\/waiting: 0 of 2 workers were ready after \d+ ms: 2 more never came/);
  });
});
