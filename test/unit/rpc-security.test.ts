import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ErrorCode, isLoopback, LockstepError } from '../../shared/core/index.ts';
import { loadSecurity, requireSafeListener } from '../../shared/rpc/index.ts';
import { fromStatus, isConnectionLost, toStatus } from '../../shared/rpc/status.ts';

test('a listener beyond loopback needs mutual TLS or --insecure', () => {
  const plain = loadSecurity({});
  for (const address of ['127.0.0.1:7171', '127.3.0.1:0', 'localhost:7171', '[::1]:7171']) {
    requireSafeListener(address, plain);
  }
  for (const address of ['0.0.0.0:7171', '10.0.0.5:7171', '[::]:0', 'localhost.example.org:7171', '127.evil.org:1']) {
    assert.throws(() => requireSafeListener(address, plain), {
      code: 'config/insecure',
      message: /refusing to listen on .*--insecure/,
    });
    requireSafeListener(address, loadSecurity({ insecure: true }));
  }
  assert.equal(isLoopback('127.0.0.1'), true);
});

test('TLS files that are missing, incomplete or no PEM are named', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-security-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const text = join(directory, 'text.pem');
  writeFileSync(text, 'hello');
  const gone = join(directory, 'gone.pem');
  const broken = join(directory, 'broken.pem');
  writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const fails = (options: Parameters<typeof loadSecurity>[0], message: RegExp) =>
    assert.throws(() => loadSecurity(options), { code: 'config/invalid', message });
  fails({ ca: text }, /ca given, cert and key missing/);
  fails({ ca: gone, cert: text, key: text }, /the TLS CA certificate .*gone\.pem cannot be read: ENOENT/);
  fails({ ca: text, cert: text, key: text }, /the TLS CA certificate .*text\.pem is not a PEM file/);
  fails({ ca: broken, cert: broken, key: broken }, /broken\.pem .* do not make a usable identity/);
});

test('an error keeps its code, message, action and details through a gRPC status', () => {
  const error = new LockstepError('collective/stale', 'older generation – 13', {
    details: { step: 3 },
    action: 'discard',
  });
  const back = fromStatus(toStatus(error), 'rank 1');
  assert.deepEqual(back.toRecord(), error.toRecord());
});

test('a huge error loses its details, not its code, and stays below what a header may hold', () => {
  const huge = new LockstepError('job/threw', `a${'\u{1F4A5}'.repeat(20_000)}`, {
    details: { list: 'x'.repeat(100_000) },
  });
  const status = toStatus(huge);
  assert.ok(Buffer.byteLength(encodeURI(status.details)) < 16_000);
  const back = fromStatus(status, 'rank 1');
  assert.equal(back.code, 'job/threw');
  assert.ok(back.message.startsWith('a\u{1F4A5}'));
});

test('a status without a record is a lost connection, or a server of another kind', () => {
  const { metadata } = toStatus(new LockstepError('rpc/refused', ''));
  metadata.remove('lockstep-error-bin');
  const codeOf = (code: number): ErrorCode => fromStatus({ code, details: 'why', metadata }, 'coordinator h:1').code;
  assert.equal(codeOf(14), 'rpc/connection-lost');
  assert.equal(codeOf(1), 'rpc/connection-lost');
  assert.equal(codeOf(12), 'rpc/protocol');
  assert.equal(codeOf(8), 'rpc/protocol');
  const lost = fromStatus({ code: 14, details: 'Connection dropped', metadata }, 'coordinator h:1');
  assert.equal(lost.message, 'the connection to coordinator h:1 was lost: Connection dropped');
  assert.ok(isConnectionLost(lost));
  assert.equal(isConnectionLost(new LockstepError('rpc/refused', '')), false);
  assert.equal(isConnectionLost(new Error('x')), false);
});
