import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { LockstepError } from '../../shared/core/index.ts';
import {
  connect,
  controlService,
  loadSecurity,
  loopbackSecurity,
  type Security,
  serve,
  startServer,
} from '../../shared/rpc/index.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const skip = hasOpenssl ? false : 'openssl, which makes the test certificates, is not installed';
const directory = mkdtempSync(join(tmpdir(), 'lockstep-tls-'));
after(() => rmSync(directory, { recursive: true }));

const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });

/** A CA and an identity that it signed, as files. */
function makeIdentity(name: string): { ca: string; cert: string; key: string } {
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...newKey, '-keyout', `${name}-ca.key`, '-out', `${name}-ca.pem`, '-subj', `/CN=${name}-ca`);
  openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  writeFileSync(join(directory, `${name}.ext`), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const ca = ['-CA', `${name}-ca.pem`, '-CAkey', `${name}-ca.key`, '-CAcreateserial'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...ca, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  const path = (file: string) => join(directory, file);
  return { ca: path(`${name}-ca.pem`), cert: path(`${name}.pem`), key: path(`${name}.key`) };
}

const listen = (security: Security) =>
  startServer({
    address: '127.0.0.1:0',
    kind: 'control',
    security,
    services: [
      serve(controlService.session, (stream) => ({
        message: () => {
          void stream.send({ drain: { reason: 'hello' } });
        },
        closed: () => {},
      })),
    ],
  });

/** Opens a stream, sends, and gives back the first answer, or the error that ended it. */
async function talk(address: string, security: Security): Promise<string | LockstepError | null> {
  const channel = await connect(address, { kind: 'control', security, deadlineMs: 400, role: 'coordinator' });
  const answer = await new Promise<string | LockstepError | null>((resolve) => {
    const stream = channel.open(controlService.session, {
      message: (message) => resolve(message.drain?.reason ?? ''),
      closed: resolve,
    });
    void stream.send({ heartbeat: { step: 1 } });
  });
  channel.close();
  return answer;
}

test('both ends with certificates of one CA talk; strangers and plain text do not get in', { skip }, async () => {
  const [ours, theirs] = [makeIdentity('ours'), makeIdentity('theirs')];
  const server = await listen(loadSecurity(ours));
  assert.equal(await talk(server.address, loadSecurity(ours)), 'hello');
  const refused = async (security: Security, what: string) => {
    const outcome = await talk(server.address, security).catch((error: LockstepError) => error);
    assert.ok(typeof outcome === 'object' && outcome !== null, `${what} got ${String(outcome)}`);
    assert.match(outcome.code, /^rpc\/(unreachable|connection-lost)$/, what);
    return outcome.message;
  };
  assert.match(await refused(loadSecurity(theirs), 'a stranger'), /certificates of the same CA/);
  await refused(loadSecurity({ ...theirs, ca: ours.ca }), 'a client whose CA the server does not know');
  assert.match(await refused(loopbackSecurity, 'plain text'), /if it uses TLS, this end needs --tls-ca/);
  await server.close(0);
});

test('a client with certificates says what is wrong at a server without', { skip }, async () => {
  const server = await listen(loopbackSecurity);
  await assert.rejects(talk(server.address, loadSecurity(makeIdentity('lonely'))), {
    code: 'rpc/unreachable',
    message: /wrong version number.*certificates of the same CA, or neither uses TLS/s,
  });
  await server.close(0);
});

test('a key that does not belong to the certificate is refused before anything listens', { skip }, () => {
  const [one, two] = [makeIdentity('one'), makeIdentity('two')];
  assert.throws(() => loadSecurity({ ...one, key: two.key }), { code: 'config/invalid', message: /usable identity/ });
});
