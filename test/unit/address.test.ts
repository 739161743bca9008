import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, parseAddress, splitAddress } from '../../shared/core/index.ts';

test('addresses are host and port, with brackets around IPv6', () => {
  assert.deepEqual(parseAddress('10.0.0.5:7171'), { host: '10.0.0.5', port: 7171 });
  assert.deepEqual(parseAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(parseAddress('[fe80::1%eth0]:80'), { host: 'fe80::1%eth0', port: 80 });
  assert.deepEqual(parseAddress('worker-3.train.svc:7172'), { host: 'worker-3.train.svc', port: 7172 });
  for (const address of ['[::1]:7171', 'localhost:1', '10.0.0.5:65535']) {
    const { host, port } = parseAddress(address);
    assert.equal(formatAddress(host, port), address);
  }
});

for (const bad of [
  '',
  'host',
  '9400',
  ':7171',
  'host:',
  'host:70000',
  '::1:7171',
  'http://host:1',
  'a b:1',
  'a:b',
  'a/b:1',
]) {
  test(`${JSON.stringify(bad)} is no address`, () => {
    assert.equal(splitAddress(bad), null);
    assert.throws(() => parseAddress(bad), {
      code: 'config/invalid',
      message: /is not an address; expected HOST:PORT/,
    });
  });
}
