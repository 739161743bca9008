import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import type { NamedWeight } from '../../worker/engine/index.ts';
import {
  checkGradients,
  describeMemory,
  describeModel,
  describeSpeed,
  fail,
} from '../../worker/inspect/preflight-checks.ts';

const MiB = 2 ** 20;

const weight = (name: string, values: readonly number[], trainable = true): NamedWeight => ({
  ...{ name, trainable, shape: [values.length] },
  values: new Float32Array(values),
});

test('trainable weights that did not move are named; a model of which none moved cannot train', () => {
  const before = [weight('a', [1, 2]), weight('b', [3]), weight('mean', [0], false)];
  const moved = [weight('a', [1, 2.5]), weight('b', [4]), weight('mean', [0], false)];
  assert.deepEqual(checkGradients(before, moved).status, 'ok');
  const half = checkGradients(before, [weight('a', [1, 2.5]), ...before.slice(1)]);
  assert.equal(half.status, 'warn');
  assert.match(half.found, /1 of 2 trainable weights did not move: b$/);
  assert.equal(checkGradients(before, before).status, 'fail');
});

test('parameters are counted by how they are trained', () => {
  const check = describeModel('net', [weight('a', [1, 2]), weight('mean', [0, 0, 0], false)]);
  assert.match(check.found, /^net: 2 trainable parameters in 2 weights, and 3 that are not trained by gradient$/);
});

test('memory that is nearly all that is free is worth a warning', () => {
  const need = { weights: 100, slots: 200, gradients: 2 * MiB, values: 20 * MiB, peakResident: 500 * MiB };
  const roomy = describeMemory({ ...need, available: 1000 * MiB });
  assert.equal(roomy.status, 'ok');
  assert.match(roomy.found, /weights 0\.1 KiB, optimizer 0\.2 KiB, gradients 2\.0 MiB, values of a pass 20 MiB/);
  assert.equal(describeMemory({ ...need, available: 600 * MiB }).status, 'warn');
});

const plan = {
  seed: 1,
  precision: 'float32',
  compile: true,
  wire: 'float32',
  epochs: 2,
  stepsPerEpoch: 1800,
  totalSteps: 3600,
  train: { samples: 1800 * 32, globalBatchSize: 32, replicas: 1, seed: 1, shuffle: true },
} as const;

test('speed tells samples a second and how long the whole run takes, and warns when steps wait for data', () => {
  const fast = describeSpeed({ data: 1, forwardBackward: 90, apply: 9 }, plan, 5);
  assert.equal(fast.status, 'ok');
  assert.match(fast.found, /100\.0 ms a step.*320 samples\/s; all 3600 steps by one worker: 6 min$/);
  assert.equal(describeSpeed({ data: 60, forwardBackward: 31, apply: 9 }, plan, 5).status, 'warn');
});

test('a failure shows code and message, with a way on where the message has none', () => {
  const check = fail('model', new LockstepError('engine/impure', 'layer x reads a value'));
  assert.equal(check.found, 'engine/impure: layer x reads a value');
  assert.ok(check.remedies.some((remedy) => remedy.includes('--eager')));
  assert.deepEqual(fail('data', new LockstepError('data/missing', 'no file')).remedies, []);
});
