import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { RemoteDataset } from '../../worker/data/downloads/catalogue.ts';
import { catalogue } from '../../worker/data/downloads/catalogue.ts';
import { fetchDataset } from '../../worker/data/downloads/fetch-dataset.ts';
import { dataDirectory } from '../support/data-fixtures.ts';
import { rejected } from '../support/thrown.ts';

const content = Buffer.from('a small data set '.repeat(1000));

/** A server that counts requests; `cut` ends the first answer after so many bytes, once they lie in its directory. */
async function serve(t: TestContext, body: Buffer, cut?: { readonly bytes: number; readonly directory: string }) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers.range ?? '');
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = `bytes ${start}-${body.length - 1}/${body.length}`;
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': body.length - start, 'content-range': range });
    if (requests.length > 1 || cut === undefined) {
      response.end(body.subarray(start));
      return;
    }
    // A client that learns of the end drops what it has not read yet.
    const end = (): void => {
      const sizes = readdirSync(cut.directory).map((name) => statSync(join(cut.directory, name)).size);
      if (sizes.includes(cut.bytes)) response.destroy();
      else setImmediate(end);
    };
    response.write(body.subarray(0, cut.bytes), end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/small.bin`, requests };
}

function remote(url: string, body: Buffer, changes: Partial<RemoteDataset> = {}): RemoteDataset {
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { title: 'Small', files: [{ name: 'small.bin', url, sha256 }], ...changes };
}

test('a data set is downloaded once, however many want it at the same time, and leaves nothing else behind', async (t) => {
  const { url, requests } = await serve(t, content);
  const { path } = dataDirectory(t);
  const progress: string[] = [];
  const fetch = (): Promise<void> =>
    fetchDataset(remote(url, content), path, { onProgress: (text) => progress.push(text) });
  await fetch();
  await Promise.all([fetch(), fetch()]);
  assert.deepEqual(requests, ['']);
  assert.deepEqual(readdirSync(path), ['small.bin']);
  assert.deepEqual(readFileSync(join(path, 'small.bin')), content);
  assert.match(progress.at(-1) ?? '', /small\.bin: 0 of 0 MB, 100 %/);
});

test('a download that broke off goes on where it was', async (t) => {
  const { path } = dataDirectory(t);
  const { url, requests } = await serve(t, content, { bytes: 5000, directory: path });
  await fetchDataset(remote(url, content), path, {});
  assert.deepEqual(requests, ['', 'bytes=5000-']);
  assert.deepEqual(readFileSync(join(path, 'small.bin')), content);
});

test('a file with another checksum is an error and is not kept', async (t) => {
  const { url } = await serve(t, Buffer.from('something else'));
  const { path } = dataDirectory(t);
  const { message } = await rejected('data/corrupt', fetchDataset(remote(url, content), path, {}));
  assert.match(message, /Small was downloaded, but is not what is expected: .*SHA-256 is [0-9a-f]{64}/);
  assert.deepEqual(readdirSync(path), []);
});

test('without a network the message says where to put which files', async (t) => {
  const { path } = dataDirectory(t);
  // No name ends in .invalid (RFC 2606), so this asks nobody for anything.
  const dataset = remote('http://nowhere.invalid/small.bin', content);
  const { message } = await rejected('data/missing', fetchDataset(dataset, path, { attempts: 1 }));
  assert.match(message, /Small was given no directory and cannot be downloaded from nowhere\.invalid/);
  assert.match(message, /put small\.bin in a directory and give that by --data DIR/);
});

function tarOf(files: Readonly<Record<string, Buffer>>, end = Number.POSITIVE_INFINITY): Buffer {
  const blocks = Object.entries(files).flatMap(([name, bytes]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(name.endsWith('/') ? '5' : '0', 156);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]).subarray(0, end));
}

const folder = { folder: 'inner', contents: 'a.bin' };

test('an archive is unpacked into its folder, never beyond, and removed', async (t) => {
  const large = Buffer.alloc(200_000, 7);
  const packed = tarOf({
    'x/': Buffer.alloc(0),
    'x/a.bin': large,
    'x/empty': Buffer.alloc(0),
    '../../b.bin': Buffer.from('b'),
  });
  const { url } = await serve(t, packed);
  const { path } = dataDirectory(t);
  await fetchDataset(remote(url, packed, { unpacked: folder }), path, {});
  assert.deepEqual(readdirSync(path), ['inner']);
  assert.deepEqual(readdirSync(join(path, 'inner')).sort(), ['a.bin', 'b.bin', 'empty']);
  assert.deepEqual(readFileSync(join(path, 'inner', 'a.bin')), large);
});

test('an archive that is cut leaves no folder; the next try begins anew', async (t) => {
  const files = { 'a.bin': Buffer.alloc(5000, 1) };
  const [whole, cut] = [tarOf(files), tarOf(files, 2000)];
  const { url } = await serve(t, cut);
  const { path } = dataDirectory(t);
  const { message } = await rejected('data/missing', fetchDataset(remote(url, cut, { unpacked: folder }), path, {}));
  assert.match(message, /it ends 3512 bytes too early/);
  assert.ok(!existsSync(join(path, 'inner')));
  writeFileSync(join(path, 'small.bin'), whole);
  await fetchDataset(remote(url, whole, { unpacked: folder }), path, {});
  assert.deepEqual(readdirSync(join(path, 'inner')), ['a.bin']);
});

test('every official file has an https address and a SHA-256', () => {
  const files = Object.values(catalogue).flatMap((dataset) => [...dataset.files]);
  assert.equal(files.length, 8);
  for (const { name, url, sha256 } of files) {
    assert.ok(url.startsWith('https://') && url.endsWith(`/${name}`), url);
    assert.match(sha256, /^[0-9a-f]{64}$/);
  }
});
