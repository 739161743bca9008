import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWire, topKFraction } from '../../shared/core/index.ts';
import { datasets, defineJob } from '../../shared/job/index.ts';

test('a wire is read in any case, and a fraction in any spelling', () => {
  assert.equal(readWire('Float32'), 'float32');
  assert.equal(readWire('BFLOAT16'), 'bfloat16');
  for (const text of ['top-k:0.01', 'top-k:.01', 'TopK:1e-2', 'top-k:0.010'])
    assert.equal(readWire(text), 'top-k:0.01');
  assert.equal(topKFraction('top-k:0.01'), 0.01);
  assert.equal(topKFraction('bfloat16'), null);
});

test('what is no wire is none', () => {
  for (const text of [
    'topk',
    'top-k:',
    'top-k:0',
    'top-k:1',
    'top-k:-0.1',
    'top-k:x',
    'powersgd:2',
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
    /wire must be float32, bfloat16, or top-k:FRACTION .* "top-k:2"/,
  );
});
