import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reachableAddress } from '../../worker/session/reachable-address.ts';

test('a listener on all addresses is told under the advertised host, or else the host’s name', () => {
  assert.equal(reachableAddress('0.0.0.0:9464', 'worker-0.workers', 'a'), 'worker-0.workers:9464');
  assert.equal(reachableAddress('0.0.0.0:9464', null, 'a'), 'a:9464');
  assert.equal(reachableAddress('[::]:9464', null, 'a'), 'a:9464');
});

test('a listener on one address is told under that address', () => {
  assert.equal(reachableAddress('127.0.0.1:9464', 'worker-0.workers', 'a'), '127.0.0.1:9464');
  assert.equal(reachableAddress('[fd00::1]:9464', null, 'a'), '[fd00::1]:9464');
});
