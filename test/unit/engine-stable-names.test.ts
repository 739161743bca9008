import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeUnique, renameTexts, stableNames } from '../../worker/engine/stable-names.ts';

const conv = (count: number) => ({ name: `conv2d_Conv2D${count}`, className: 'Conv2D' });

test('counters of the process become counters of the model', () => {
  const rename = stableNames([{ name: 'sequential_7', className: 'Sequential' }, conv(41), conv(42)]);
  assert.equal(rename('conv2d_Conv2D41/kernel'), 'conv2d/kernel');
  assert.equal(rename('conv2d_Conv2D42/kernel'), 'conv2d_1/kernel');
  assert.equal(rename('sequential_7'), 'sequential');
});

test('a counter that begins like another one is told apart', () => {
  const rename = stableNames([conv(4), conv(42)]);
  assert.equal(rename('conv2d_Conv2D42/kernel'), 'conv2d_1/kernel');
  assert.equal(rename('conv2d_Conv2D4_input'), 'conv2d_input');
});

test('names that the user chose stay, and nothing else gets them', () => {
  const rename = stableNames([
    conv(3),
    { name: 'conv2d', className: 'Conv2D' },
    { name: 'dense_1', className: 'Dense' },
  ]);
  assert.equal(rename('conv2d/kernel'), 'conv2d/kernel');
  assert.equal(rename('dense_1/kernel'), 'dense_1/kernel');
  assert.equal(rename('conv2d_Conv2D3/kernel'), 'conv2d_1/kernel');
});

test('a layer inside of a wrapper keeps the wrapper’s prefix', () => {
  const rename = stableNames([
    { name: 'bidirectional_Bidirectional2', className: 'Bidirectional' },
    { name: 'forward_lstm_LSTM5', className: 'LSTM' },
    { name: 'lstm_LSTM5', className: 'LSTM' },
  ]);
  assert.equal(rename('bidirectional_Bidirectional2/forward_lstm_LSTM5/kernel'), 'bidirectional/forward_lstm/kernel');
});

test('texts are renamed anywhere in a JSON value, keys and numbers are not touched', () => {
  const rename = stableNames([conv(9)]);
  const topology = { name: 'conv2d_Conv2D9', inbound: [['conv2d_Conv2D9', 0]], conv2d_Conv2D9: 9 };
  assert.deepEqual(renameTexts(topology, rename), { name: 'conv2d', inbound: [['conv2d', 0]], conv2d_Conv2D9: 9 });
});

test('a name that occurs again gets a number', () => {
  assert.deepEqual(makeUnique(['kernel', 'kernel', 'bias', 'kernel']), ['kernel', 'kernel_1', 'bias', 'kernel_2']);
});
