import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { writeCertificates } from '../../cli/certificates/index.ts';

const root = mkdtempSync(join(tmpdir(), 'lockstep-certs-'));
after(() => rmSync(root, { recursive: true, force: true }));
const [ours, theirs] = [join(root, 'ours'), join(root, 'theirs')];
writeCertificates({ directory: ours, hosts: ['trainer-0', 'trainer-1'], days: 1 }, new Date());
writeCertificates({ directory: theirs, hosts: ['trainer-1'], days: 1 }, new Date());

function files(directory: string, host: string) {
  const read = (name: string) => readFileSync(join(directory, name));
  return { ca: read('ca.pem'), cert: read(`${host}.pem`), key: read(`${host}.key`) };
}

/** Connects as `client` to trainer-0 and returns the name that the server saw, or the error of either side. */
async function handshake(client: { ca: Buffer; cert: Buffer; key: Buffer }, servername: string): Promise<string> {
  const server = createServer({ ...files(ours, 'trainer-0'), requestCert: true, rejectUnauthorized: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const seen = Promise.race([
    once(server, 'secureConnection').then(
      ([socket]) => (socket as TLSSocket).getPeerCertificate().subject.CN as string,
    ),
    once(server, 'tlsClientError').then(([error]) => `refused: ${(error as NodeJS.ErrnoException).code}`),
  ]);
  const socket = connect({ ...client, port: (server.address() as AddressInfo).port, host: '127.0.0.1', servername });
  const failed = once(socket, 'error').then(([error]) => `failed: ${(error as NodeJS.ErrnoException).code}`);
  const result = await Promise.race([seen, failed]);
  socket.destroy();
  server.close();
  return result;
}

test('two hosts of one authority trust each other', async () => {
  assert.equal(await handshake(files(ours, 'trainer-1'), 'trainer-0'), 'trainer-1');
  assert.equal(await handshake(files(ours, 'trainer-1'), 'localhost'), 'trainer-1');
});

test('a client of another authority is refused', async () => {
  const { cert, key } = files(theirs, 'trainer-1');
  assert.match(await handshake({ ...files(ours, 'trainer-1'), cert, key }, 'trainer-0'), /^(refused|failed): /);
});

test('a server under a name that is not in its certificate is refused', async () => {
  assert.equal(await handshake(files(ours, 'trainer-1'), 'trainer-9'), 'failed: ERR_TLS_CERT_ALTNAME_INVALID');
});
