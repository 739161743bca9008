import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from '../../cli/allreduce/index.ts';
import { parseStep } from '../bench/lockstep-training.ts';
import { readTrainOptions } from '../bench/train-flags.ts';
import { reportTraining, trainTable } from '../bench/train-report.ts';

test('the better peer is the faster one, and the ratio compares turns of the same round', () => {
  const report = reportTraining('cnn', 64, {
    lockstep: [[0.1, 0.1], [0.4], [0.1]],
    pytorch: [[0.2], [0.8], [0.2]],
    keras: [[0.12], [0.48], [0.12]],
  });
  assert.equal(report.betterPeer, 'keras');
  assert.ok(Math.abs((report.ofBetterPeer ?? 0) - 1.2) < 1e-9);
  assert.equal(report.samplesPerSecond.lockstep, 640);
  assert.match(formatTable(...trainTable([report])), /CNN.* 640 .* 320 .* 533 .* 1\.20 \(≥ 1\.15\) \| +yes \|/);
});

test('without peers there is a rate and no verdict', () => {
  const report = reportTraining('lstm', 64, { lockstep: [[0.5]] });
  assert.deepEqual([report.betterPeer, report.ofBetterPeer], [null, null]);
  assert.match(formatTable(...trainTable([report])), /LSTM.* 128 .*–/);
});

test('of the coordinator’s lines only records of committed steps count', () => {
  assert.equal(parseStep('epoch 1/3 loss 0.1'), null);
  assert.equal(parseStep('{"level":"debug","msg":"w0 is ready"}'), null);
  assert.equal(parseStep('{"level":"debug","msg":"step committed","step":7,"stepSeconds":0.5}')?.stepSeconds, 0.5);
});

test('unknown workloads and rounds that are no number are refused', () => {
  const flags = { workloads: 'cnn,lstm', rounds: '3', json: false };
  assert.deepEqual(readTrainOptions(flags), { workloads: ['cnn', 'lstm'], rounds: 3, json: false });
  assert.throws(() => readTrainOptions({ ...flags, workloads: 'cnn,mlp' }), {
    message: /--workloads mlp: expected some of cnn,lstm,dense/,
  });
  assert.throws(() => readTrainOptions({ ...flags, rounds: '0' }), { code: 'config/invalid' });
});
