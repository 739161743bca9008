import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EpochDecision } from '../../coordinator/membership/index.ts';
import { MembershipRun } from '../support/membership-run.ts';

function started(changes: { decidesEpochs?: boolean; validationSamples?: number }): MembershipRun {
  const run = new MembershipRun();
  for (const worker of [1, 2]) run.hello(worker);
  for (const worker of [1, 2]) run.ready(worker, 'hash', changes);
  return run;
}

function validate(run: MembershipRun, step: number): void {
  for (let replica = 0; replica < 4; replica++) {
    const share = { split: 'validation', step, replica, samples: 16, lossSum: 4, metricSums: [12] } as const;
    run.give({ kind: 'evaluationShare', from: run.from(replica < 2 ? 1 : 2), share });
  }
}

const decision = (epoch: number, changes: Partial<EpochDecision> = {}): EpochDecision => ({
  ...{ epoch, stop: null, learningRate: null, keepWeights: false, restoreWeights: false },
  ...changes,
});

describe('an epoch', () => {
  test('ends with its last step, and its means are over its samples', () => {
    const run = started({ validationSamples: 0 });
    for (let step = 0; step < 20; step++) run.commit(1, step, step === 19);
    assert.deepEqual(
      run.reports('epoch').map(({ end }) => end),
      [0, 1].map((epoch) => ({
        ...{ epoch, step: 10 * (epoch + 1), steps: 10, samples: 320, loss: 0.5, metrics: { accuracy: 0.75 } },
        ...{ validation: null, seconds: 2.5 },
      })),
    );
  });

  test('waits for its validation while steps of the next one come in, which do not count for it', () => {
    const run = started({});
    for (let step = 0; step < 13; step++) run.commit(1, step);
    assert.equal(run.reports('epoch').length, 0);
    validate(run, 10);
    const [first] = run.reports('epoch');
    assert.deepEqual([first?.end.samples, first?.end.validation], [320, { loss: 0.25, metrics: { accuracy: 0.75 } }]);
    for (let step = 13; step < 20; step++) run.commit(1, step);
    validate(run, 20);
    assert.deepEqual(
      run.reports('epoch').map(({ end }) => [end.epoch, end.steps, end.samples]),
      [
        [0, 10, 320],
        [1, 10, 320],
      ],
    );
  });

  test('that the run cuts short ends with the run', () => {
    const run = started({ validationSamples: 0 });
    for (let step = 0; step < 13; step++) run.commit(1, step, step === 12);
    assert.deepEqual(
      run.reports('epoch').map(({ end }) => [end.epoch, end.steps]),
      [
        [0, 10],
        [1, 3],
      ],
    );
  });

  test('is told to rank 0 only where it decides', () => {
    for (const decidesEpochs of [true, false]) {
      const run = started({ decidesEpochs, validationSamples: 0 });
      for (let step = 0; step < 10; step++) run.commit(1, step);
      assert.deepEqual(
        run.all('sendEpochEnd').map(({ link, end }) => [link, end.epoch]),
        decidesEpochs ? [[1, 0]] : [],
      );
    }
  });
});

describe('a decision', () => {
  test('of rank 0 is kept, then given to all workers', () => {
    const run = started({ decidesEpochs: true });
    const actions = run.give({ kind: 'epochDecided', from: run.from(1), decision: decision(0, { learningRate: 0.5 }) });
    assert.deepEqual(
      actions.map(({ kind }) => kind),
      ['journal', 'sendDecision', 'report'],
    );
    assert.deepEqual(run.all('sendDecision')[0]?.links, [1, 2]);
    assert.equal(run.all('sendDecision')[0]?.decision.learningRate, 0.5);
  });

  test('of another rank, of another generation, or for another epoch than the one due is followed by nobody', () => {
    const run = started({ decidesEpochs: true });
    run.give({ kind: 'epochDecided', from: run.from(2), decision: decision(0) });
    run.give({ kind: 'epochDecided', from: run.from(1, 7), decision: decision(0) });
    run.give({ kind: 'epochDecided', from: run.from(1), decision: decision(1) });
    assert.equal(run.all('sendDecision').length, 0);
    run.give({ kind: 'epochDecided', from: run.from(1), decision: decision(0) });
    run.give({ kind: 'epochDecided', from: run.from(1), decision: decision(0) });
    assert.equal(run.all('sendDecision').length, 1);
  });

  test('to end training is a complete run, not a drained one', () => {
    const run = started({ decidesEpochs: true, validationSamples: 0 });
    for (let step = 0; step < 10; step++) run.commit(1, step);
    const stop = decision(0, { stop: 'no improvement' });
    run.give({ kind: 'epochDecided', from: run.from(1), decision: stop });
    for (const worker of [1, 2]) run.finished(worker, 'f'.repeat(64), 10);
    const outcome = run.reports('finished')[0]?.outcome;
    assert.deepEqual([outcome?.drained, outcome?.stopped], [false, 'no improvement']);
    for (const worker of [1, 2]) run.closed(worker);
    assert.equal(run.exitCode, 0);
  });
});
