import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeAuthority, makeIdentity, writeCertificates } from '../../cli/certificates/index.ts';

const root = mkdtempSync(join(tmpdir(), 'lockstep-certs-'));
after(() => rmSync(root, { recursive: true, force: true }));

const from = new Date('2026-03-01T12:00:00Z');
const authority = { ...makeAuthority('Test CA', { from, days: 3650 }), name: 'Test CA' };
const ca = new X509Certificate(authority.certificate);

test('an authority signs itself and may sign others', () => {
  assert.ok(ca.verify(ca.publicKey));
  assert.ok(ca.ca);
  assert.equal(ca.subject, 'CN=Test CA');
});

test('an identity is signed by its authority, fits its key and is valid for its hosts alone', () => {
  const hosts = ['trainer-0', '*.workers.svc', '10.1.2.3', 'fe80::12:0:0:1', '::1', '::ffff:10.0.0.1'];
  const { certificate, key } = makeIdentity('trainer-0', hosts, authority, { from, days: 90 });
  const found = new X509Certificate(certificate);
  assert.ok(found.verify(ca.publicKey));
  assert.ok(found.checkIssued(ca));
  assert.ok(!found.ca);
  assert.ok(found.checkPrivateKey(createPrivateKey(key)));
  assert.equal(found.checkHost('trainer-0'), 'trainer-0');
  assert.equal(found.checkHost('w3.workers.svc'), '*.workers.svc');
  assert.equal(found.checkHost('trainer-1'), undefined);
  for (const address of ['10.1.2.3', 'fe80::12:0:0:1', '::1', '::ffff:10.0.0.1'])
    assert.equal(found.checkIP(address), address);
  assert.equal(found.checkIP('10.1.2.4'), undefined);
  assert.equal(new Date(found.validTo).toISOString(), '2026-05-30T12:00:00.000Z');
  assert.ok(new Date(found.validFrom) < from);
});

test('dates beyond 2049 are written in their own form', () => {
  const late = new X509Certificate(
    makeAuthority('Late', { from: new Date('2049-12-01T00:00:00Z'), days: 365 }).certificate,
  );
  assert.equal(new Date(late.validTo).toISOString(), '2050-12-01T00:00:00.000Z');
});

test('files of hosts are added under the same authority, keys only for their owner, and nothing is overwritten', () => {
  const directory = join(root, 'certs');
  writeCertificates({ directory, hosts: ['a', 'b'], days: 30 }, from);
  const caText = readFileSync(join(directory, 'ca.pem'), 'utf8');
  assert.equal(writeCertificates({ directory, hosts: ['c'], days: 30 }, from).length, 2);
  assert.deepEqual(readdirSync(directory).sort(), [
    'a.key',
    'a.pem',
    'b.key',
    'b.pem',
    'c.key',
    'c.pem',
    'ca.key',
    'ca.pem',
  ]);
  assert.equal(readFileSync(join(directory, 'ca.pem'), 'utf8'), caText);
  assert.equal(statSync(join(directory, 'a.key')).mode & 0o777, 0o600);
  const last = new X509Certificate(readFileSync(join(directory, 'c.pem')));
  assert.ok(last.verify(new X509Certificate(caText).publicKey));
  assert.throws(() => writeCertificates({ directory, hosts: ['b'], days: 30 }, from), { code: 'config/invalid' });
});
