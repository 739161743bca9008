import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Progress, type Terminal } from '../../coordinator/progress.ts';
import { duration, failureText, progressLine, summaryLines } from '../../coordinator/progress-text.ts';
import { runResult } from '../../coordinator/result.ts';
import { scrapeTargets, statusSnapshot } from '../../coordinator/status/index.ts';
import { RunTally } from '../../coordinator/tally.ts';
import type { Verbosity } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import { MembershipRun, settings } from '../support/membership-run.ts';

/** The reports of a run of 2 epochs with 10 steps each, as the watchers see them. */
class Watched {
  readonly run: MembershipRun;
  readonly tally = new RunTally();
  readonly progress: Progress;
  text = '';
  #seen = 0;

  constructor(options: { isTTY?: boolean; verbose?: Verbosity; validation?: boolean } = {}) {
    const terminal: Terminal = {
      isTTY: options.isTTY ?? false,
      columns: 200,
      write: (text) => {
        this.text += text;
      },
    };
    this.progress = new Progress(this.tally, terminal, { verbose: options.verbose ?? 'auto' });
    this.run = new MembershipRun();
    const validationSamples = options.validation === false ? 0 : 64;
    for (const worker of [1, 2]) this.run.hello(worker);
    for (const worker of [1, 2]) this.run.ready(worker, 'hash', { validationSamples });
    this.watch();
  }

  watch(): void {
    const reports = this.run.all('report');
    for (const { event } of reports.slice(this.#seen)) {
      this.tally.observe(event, this.run.now);
      this.progress.observe(event, this.run.now);
    }
    this.#seen = reports.length;
  }

  /** @param last whether the run ends with these steps */
  steps(from: number, to: number, last = false): this {
    for (let step = from; step < to; step++) {
      this.run.now += 250;
      this.run.commit(1, step, last && step === to - 1);
      this.watch();
    }
    return this;
  }

  validate(step: number): this {
    for (let replica = 0; replica < 4; replica++) {
      const share = { split: 'validation', step, replica, samples: 16, lossSum: 4, metricSums: [12] } as const;
      this.run.give({ kind: 'evaluationShare', from: this.run.from(replica < 2 ? 1 : 2), share });
    }
    this.watch();
    return this;
  }

  finish(steps = 20): this {
    for (const worker of [1, 2]) this.run.finished(worker, 'f'.repeat(64), steps);
    this.watch();
    return this;
  }

  get lines(): string[] {
    return this.text.trimEnd().split('\n');
  }
}

describe('the progress line', () => {
  test('shows epoch, bar, step, running means, rate and the time that is left', () => {
    const { tally } = new Watched().steps(0, 4);
    assert.equal(
      progressLine(tally, { bar: true, columns: 200 }),
      'epoch 1/2 [========>           ] step 4/10 loss 0.5000 accuracy 0.7500 128 samples/s ETA 0:04',
    );
  });

  test('starts anew with each epoch', () => {
    const { tally } = new Watched().steps(0, 13);
    assert.match(progressLine(tally, { bar: false, columns: 200 }), /^epoch 2\/2 step 3\/10 loss /);
  });

  test('is cut to the width of the terminal', () => {
    const { tally } = new Watched().steps(0, 4);
    assert.equal(progressLine(tally, { bar: true, columns: 40 }).length, 40);
  });
});

describe('progress on a terminal', () => {
  test('updates one line in place, and leaves a line for each epoch with its validation', () => {
    const watched = new Watched({ isTTY: true }).steps(0, 10).validate(10);
    const last = watched.lines.at(-1)?.split('\u001b[2K').at(-1);
    assert.equal(
      last,
      'epoch 1/2: 10 steps in 0:03, loss 0.5000 accuracy 0.7500, validation loss 0.2500 accuracy 0.7500, 128 samples/s',
    );
    assert.equal(watched.lines.length, 3);
  });

  test('clears its line before anything else is written', () => {
    const watched = new Watched({ isTTY: true }).steps(0, 2);
    const before = watched.text.length;
    watched.progress.print('a warning');
    assert.equal(watched.text.slice(before), '\r\u001b[2Ka warning\n');
  });
});

describe('progress elsewhere', () => {
  test('is a line every five seconds and one for each epoch, without control characters', () => {
    const watched = new Watched({ validation: false }).steps(0, 20).finish();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none must be there
    assert.doesNotMatch(watched.text, /[\r\u001b]/);
    assert.deepEqual(
      watched.lines.slice(1).map((line) => line.slice(0, 16)),
      ['cnn: 1,000 param', 'epoch 1/2: 10 st', 'epoch 2/2: 10 st'],
    );
    const slow = new Watched();
    slow.run.now += 5000;
    slow.steps(0, 2);
    assert.match(slow.lines.at(-1) ?? '', /^epoch 1\/2 step 1\/10 /);
  });

  test('waits for a validation that the next steps have overtaken', () => {
    const late = new Watched().steps(0, 12);
    assert.doesNotMatch(late.text, /^epoch 1\/2:/m);
    late.validate(10);
    assert.match(late.lines.at(-1) ?? '', /^epoch 1\/2: 10 steps .*, validation loss 0\.2500 accuracy 0\.7500, /);
  });

  test('shows what a drained run did of its last epoch', () => {
    const watched = new Watched({ validation: false }).steps(0, 13, true).finish(13);
    assert.match(watched.lines.at(-1) ?? '', /^epoch 2\/2: 3 steps/);
  });

  test('updates in place all the same where that is asked for', () => {
    const watched = new Watched({ verbose: '1' }).steps(0, 3);
    assert.ok(watched.text.includes('\r\u001b[2Kepoch 1/2 ['), watched.text);
  });

  test('is a line for each epoch and none between where that is asked for', () => {
    const watched = new Watched({ verbose: '2', isTTY: true });
    watched.run.now += 60_000;
    watched.steps(0, 10).validate(10).steps(10, 12);
    const epochs = watched.lines.filter((line) => line.startsWith('epoch'));
    assert.deepEqual(
      epochs.map((line) => line.slice(0, 10)),
      ['epoch 1/2:'],
    );
  });

  test('shows nothing but errors when quiet', () => {
    const watched = new Watched({ verbose: '0' }).steps(0, 10).validate(10);
    assert.equal(watched.text, '');
    watched.run.closed(2);
    watched.run.closed(1);
    watched.watch();
    assert.match(watched.text, /^error: run\/worker-lost: no worker is left .*worker w1 /);
  });
});

describe('texts', () => {
  test('a failure of the user’s code shows their stack first', () => {
    const cause = new Error('x is not defined');
    cause.stack = 'ReferenceError: x is not defined\n    at job.ts:3:1';
    const record = new LockstepError('job/threw', 'job.ts threw', { cause }).toRecord();
    assert.equal(
      failureText(record),
      'ReferenceError: x is not defined\n    at job.ts:3:1\nerror: job/threw: job.ts threw',
    );
  });

  for (const [seconds, text] of [
    [0.4, '0:00'],
    [31, '0:31'],
    [725, '12:05'],
    [3723, '1:02:03'],
  ] as const) {
    test(`${seconds} seconds are ${text}`, () => assert.equal(duration(seconds), text));
  }
});

describe('the result', () => {
  test('has the last epoch’s means, the evaluations by name, and speed from time in steps alone', () => {
    const { tally } = new Watched().steps(0, 10).validate(10).steps(10, 20, true).validate(20).finish();
    const means = { loss: 0.5, metrics: { accuracy: 0.75 }, validation: { loss: 0.25, accuracy: 0.75 } };
    assert.deepEqual(runResult(tally, settings), {
      steps: 20,
      skippedSteps: 0,
      epochs: 2,
      samples: 640,
      replicas: 4,
      workers: 2,
      loss: 0.5,
      metrics: { accuracy: 0.75 },
      validation: { loss: 0.25, accuracy: 0.75 },
      test: null,
      weightsSha256: 'f'.repeat(64),
      samplesPerSecond: 128,
      bytesSent: 0,
      seconds: 5,
      checkpoint: 'out/model',
      drained: false,
      stopped: null,
      history: [1, 2].map((epoch) => ({ epoch, steps: 10, seconds: 2.5, ...means })),
    });
  });

  test('adds up what all workers sent, and tells it', () => {
    const watched = new Watched().steps(0, 10);
    for (const [worker, bytes] of [
      [1, 3e6],
      [2, 5e6],
    ] as const) {
      const beat = {
        step: 9,
        phase: 'idle',
        phaseMs: 0,
        bytesSent: bytes,
        bytesReceived: 0,
        deviceMemoryBytes: 0,
      } as const;
      watched.tally.observe({ kind: 'beat', workerId: `w${worker}`, beat }, 0);
    }
    const result = runResult(watched.finish(10).tally, settings);
    assert.equal(result.bytesSent, 8e6);
    const lines = summaryLines(result, { journal: 'out/journal.log', metricsUrl: null });
    assert.equal(lines[1], 'sent     8.00 MB between workers');
  });

  test('of a drained run says so and counts whole epochs only', () => {
    const { tally } = new Watched().steps(0, 13, true).finish(13);
    const result = runResult(tally, settings);
    assert.deepEqual([result.steps, result.epochs, result.drained, result.validation], [13, 1, true, null]);
    const [first] = summaryLines(result, { journal: 'out/journal.log', metricsUrl: null });
    assert.equal(first, 'ended early: 13 steps, 416 samples in 0:03, 128 samples/s with 2 workers, 4 replicas');
  });
});

describe('the status', () => {
  test('tells each worker’s place, phase and age of its heartbeat', () => {
    const watched = new Watched();
    watched.run.beat(2, 'reduce', 4);
    watched.watch();
    const [first, second] = statusSnapshot(
      watched.tally,
      { runId: 'r', replicas: 4, workers: 2 },
      watched.run.now + 70,
    ).workers;
    assert.deepEqual([first?.id, first?.rank, first?.replicas, first?.heartbeatAgeMs], ['w1', 0, [0, 2], null]);
    assert.deepEqual([second?.id, second?.phase, second?.step, second?.heartbeatAgeMs], ['w2', 'reduce', 4, 70]);
  });

  test('keeps a loss curve of bounded length, over the whole run', () => {
    const watched = new Watched();
    const base = {
      samples: 1,
      metricSums: [1],
      dataSeconds: 0,
      forwardBackwardSeconds: 0,
      reduceSeconds: 0,
      applySeconds: 0,
    };
    for (let step = 0; step < 10_000; step++) {
      const report = { ...base, step, lossSum: step, stepSeconds: 1, skipped: false, last: false };
      watched.tally.observe({ kind: 'step', report }, 0);
    }
    const { lossCurve } = watched.tally;
    assert.ok(lossCurve.length >= 200 && lossCurve.length <= 400, `${lossCurve.length} points`);
    const [step, loss] = lossCurve.at(-1) ?? [0, 0];
    assert.ok(step > 9900 && loss > 9800 && loss < step);
  });

  test('before the first step has no number that JSON cannot hold', () => {
    const { tally } = new Watched();
    const snapshot = statusSnapshot(tally, { runId: 'r', replicas: 4, workers: 2 }, 0);
    assert.deepEqual([snapshot.loss, snapshot.samplesPerSecond, snapshot.etaSeconds], [null, null, null]);
  });

  test('targets name the coordinator and the workers that serve metrics', () => {
    const workers = [
      { workerId: 'w1', metricsAddress: 'host-a:9401' },
      { workerId: 'w2', metricsAddress: '' },
    ];
    assert.deepEqual(scrapeTargets('host-a:9400', workers), [
      { targets: ['host-a:9400'], labels: { lockstep_component: 'coordinator' } },
      { targets: ['host-a:9401'], labels: { lockstep_component: 'worker', lockstep_worker: 'w1' } },
    ]);
  });
});
