import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsGradients, powerSgdRank, readWire, topKFraction } from '../../shared/core/index.ts';
import { datasets, defineJob } from '../../shared/job/index.ts';

test('a wire is read in any case, and a fraction in any spelling', () => {
  assert.equal(readWire('Float32'), 'float32');
  assert.equal(readWire('BFLOAT16'), 'bfloat16');
  for (const text of ['top-k:0.01', 'top-k:.01', 'TopK:1e-2', 'top-k:0.010'])
    assert.equal(readWire(text), 'top-k:0.01');
  assert.equal(topKFraction('top-k:0.01'), 0.01);
  assert.equal(topKFraction('bfloat16'), null);
  for (const text of ['powersgd:4', 'PowerSGD:4', 'power-sgd:4']) assert.equal(readWire(text), 'powersgd:4');
  assert.deepEqual([powerSgdRank('powersgd:4'), topKFraction('powersgd:4')], [4, null]);
  assert.deepEqual((['float32', 'top-k:0.1', 'powersgd:1'] as const).map(keepsGradients), [false, true, true]);
});

test('what is no wire is none', () => {
  for (const text of [
    'topk',
    'top-k:',
    'top-k:0',
    'top-k:1',
    'top-k:-0.1',
    'top-k:x',
    'powersgd:0',
    'powersgd:1.5',
    'powersgd:65',
    'powersgd',
    'float16',
    '',
    3,
    null,
  ]) {
    assert.equal(readWire(text), undefined, String(text));
  }
});

test('a job is told which wires there are', () => {
  const input = {
    model: () => ({}),
    optimizer: 'sgd',
    loss: 'meanSquaredError',
    data: { train: datasets.glyphs({ samples: 10 }) },
  } as const;
  assert.equal(defineJob({ ...input, wire: 'top-k:0.5' }).wire, 'top-k:0.5');
  assert.throws(
    () => defineJob({ ...input, wire: 'top-k:2' }),
    /wire must be float32, bfloat16, top-k:FRACTION .* "top-k:2"/,
  );
});
