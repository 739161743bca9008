import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { ChecksumMismatch, DownloadRefused, download } from '../../shared/download/index.ts';

const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');

interface Bench {
  readonly url: string;
  readonly file: string;
  /** The Range header of each request, '' where there was none. */
  readonly ranges: string[];
}

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function serve(t: TestContext, answer: Answer): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-download-'));
  const ranges: string[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range ?? '');
    answer(request, response, ranges.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/engine.whl`, file: join(directory, 'engine.whl'), ranges };
}

const answerRanges: Answer = (request, response) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (request.headers.range === undefined) {
    response.writeHead(200, { 'content-length': content.length }).end(content);
  } else if (start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
  } else {
    const range = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { 'content-range': range, 'content-length': content.length - start });
    response.end(content.subarray(start));
  }
};

const pause = async () => {};

test('a download goes on from the .part file of an interrupted one', async (t) => {
  const { url, file, ranges } = await serve(t, answerRanges);
  writeFileSync(`${file}.part`, content.subarray(0, 123_456));
  let firstReport: number | undefined;
  await download({
    url,
    file,
    sha256,
    pause,
    onProgress: (done, total) => {
      firstReport ??= done;
      assert.equal(total, content.length);
    },
  });
  assert.deepEqual(ranges, ['bytes=123456-']);
  assert.ok(firstReport !== undefined && firstReport > 123_456);
  assert.ok(content.equals(readFileSync(file)));
  assert.equal(existsSync(`${file}.part`), false);
});

test('a .part file that is already whole is verified and kept', async (t) => {
  const { url, file, ranges } = await serve(t, answerRanges);
  writeFileSync(`${file}.part`, content);
  await download({ url, file, sha256, pause });
  assert.deepEqual(ranges, [`bytes=${content.length}-`]);
  assert.ok(content.equals(readFileSync(file)));
});

test('a server that does not know ranges makes the download start over', async (t) => {
  const { url, file } = await serve(t, (_request, response) => response.end(content));
  writeFileSync(`${file}.part`, content.subarray(0, 1000));
  await download({ url, file, sha256, pause });
  assert.ok(content.equals(readFileSync(file)));
});

test('a connection that breaks is taken up again where it broke', async (t) => {
  let breakConnection = () => {};
  const { url, file, ranges } = await serve(t, (request, response, count) => {
    if (count > 1) return answerRanges(request, response, count);
    breakConnection = () => response.destroy();
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 100_000));
  });
  const retries: string[] = [];
  const onProgress = () => breakConnection();
  await download({ url, file, sha256, pause, onProgress, onRetry: (reason) => retries.push(reason) });
  assert.equal(retries.length, 1);
  assert.match(ranges[1] ?? '', /^bytes=[1-9]\d*-$/);
  assert.ok(content.equals(readFileSync(file)));
});

test('a file with the wrong checksum is refused and removed', async (t) => {
  const { url, file } = await serve(t, (_request, response) => response.end('something else'));
  await assert.rejects(download({ url, file, sha256, pause }), (error: Error) => {
    assert.ok(error instanceof ChecksumMismatch);
    assert.match(error.message, new RegExp(`engine.whl: SHA-256 is [0-9a-f]{64}, the index says ${sha256}`));
    return true;
  });
  assert.equal(existsSync(file), false);
  assert.equal(existsSync(`${file}.part`), false);
});

test('a damaged .part file costs one more download, not a failure', async (t) => {
  const { url, file, ranges } = await serve(t, answerRanges);
  writeFileSync(`${file}.part`, randomBytes(5000));
  await download({ url, file, sha256, pause });
  assert.deepEqual(ranges, ['bytes=5000-', '']);
  assert.ok(content.equals(readFileSync(file)));
});

test('a refusal is not repeated', async (t) => {
  const { url, file, ranges } = await serve(t, (_request, response) => response.writeHead(403).end());
  await assert.rejects(download({ url, file, sha256, pause }), DownloadRefused);
  assert.equal(ranges.length, 1);
});

test('a server that keeps failing is given up after the stated number of tries', async (t) => {
  const { url, file, ranges } = await serve(t, (_request, response) => response.writeHead(503).end());
  const pauses: number[] = [];
  const failing = download({ url, file, sha256, attempts: 3, pause: async (ms) => pauses.push(ms) });
  await assert.rejects(failing, /answered 503 for engine\.whl/);
  assert.equal(ranges.length, 3);
  assert.deepEqual(pauses, [2000, 4000]);
});

test('redirects are followed and the range is asked of the final address', async (t) => {
  const { url, file, ranges } = await serve(t, (request, response, count) => {
    if (request.url === '/engine.whl') response.writeHead(302, { location: '/elsewhere/engine.whl' }).end();
    else answerRanges(request, response, count);
  });
  writeFileSync(`${file}.part`, content.subarray(0, 10));
  await download({ url, file, sha256, pause });
  assert.deepEqual(ranges, ['bytes=10-', 'bytes=10-']);
  assert.ok(content.equals(readFileSync(file)));
});
