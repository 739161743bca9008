import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openUrl } from './http-transport.mjs';

/** The server will not give us this file, however often it is asked. */
export class DownloadRefused extends Error {}

/** What arrived is not what the index promised. */
export class ChecksumMismatch extends Error {}

/**
 * @typedef {object} Download
 * @property {string} url http, https or file
 * @property {string} file where the whole, verified file goes; `${file}.part` holds what there is until then
 * @property {string} sha256 hex
 * @property {(doneBytes: number, totalBytes: number | undefined) => void} [onProgress]
 * @property {(reason: string) => void} [onRetry]
 * @property {(url: string, options: { headers: Record<string, string> }) => Promise<import('node:http').IncomingMessage>} [request]
 * @property {(ms: number) => Promise<unknown>} [pause]
 * @property {number} [attempts] tries in a row that brought no byte
 */

/**
 * Downloads a file, going on from what an interrupted try left in the .part file, and verifies its SHA-256.
 * @param {Download} download
 * @returns {Promise<void>}
 * @throws {DownloadRefused | ChecksumMismatch | Error} the last network error after `attempts` fruitless tries
 */
export async function download({
  url,
  file,
  sha256,
  onProgress,
  onRetry,
  request = openUrl,
  pause = delay,
  attempts = 5,
}) {
  const part = `${file}.part`;
  mkdirSync(dirname(file), { recursive: true });
  const resumedFrom = sizeOf(part);
  for (let fruitless = 0; ; ) {
    const before = sizeOf(part);
    try {
      await fetchRest(url, part, request, onProgress);
      break;
    } catch (error) {
      if (error instanceof DownloadRefused) throw error;
      fruitless = sizeOf(part) > before ? 0 : fruitless + 1;
      if (fruitless >= attempts) throw error;
      onRetry?.(`${error instanceof Error ? error.message : error}; trying again`);
      await pause(1000 * 2 ** fruitless);
    }
  }
  const actual = await sha256Of(part);
  if (actual === sha256) return renameSync(part, file);
  rmSync(part, { force: true });
  // The old part may be of another file or damaged by a crash: that is no fault of the server, so ask once more.
  if (resumedFrom > 0)
    return download({ url, file, sha256, ...optional({ onProgress, onRetry }), request, pause, attempts });
  throw new ChecksumMismatch(`${basename(file)}: SHA-256 is ${actual}, the index says ${sha256}; the file was removed`);
}

/**
 * @param {string} url
 * @param {string} part
 * @param {NonNullable<Download['request']>} request
 * @param {Download['onProgress']} onProgress
 */
async function fetchRest(url, part, request, onProgress) {
  if (url.startsWith('file:')) return pipeline(createReadStream(fileURLToPath(url)), createWriteStream(part));
  const offset = sizeOf(part);
  // Identity: a compressed answer has no byte ranges of the file that we want.
  /** @type {Record<string, string>} */
  const headers = { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) };
  const response = await request(url, { headers });
  const { start, total } = readRange(response, offset);
  if (start === undefined) {
    response.resume();
    if (response.statusCode === 416 && total === offset) return; // the part is already the whole file
    if (response.statusCode === 416) rmSync(part, { force: true });
    const message = `${new URL(url).host} answered ${response.statusCode} for ${basename(new URL(url).pathname)}`;
    const isFinal = [400, 401, 403, 404, 405, 410].includes(response.statusCode ?? 0);
    throw isFinal ? new DownloadRefused(message) : new Error(message);
  }
  let done = start;
  // Written chunk by chunk, each before the next is read: what arrived before a connection broke is kept.
  const sink = await open(part, start === 0 ? 'w' : 'a');
  try {
    for await (const chunk of response) {
      await sink.writeFile(chunk);
      done += chunk.length;
      onProgress?.(done, total);
    }
  } finally {
    await sink.close();
  }
  if (total !== undefined && done < total) throw new Error(`connection ended after ${done} of ${total} bytes`);
}

/**
 * @param {import('node:http').IncomingMessage} response
 * @param {number} offset what was asked for
 * @returns {{ start?: number, total?: number | undefined }} `start` missing: the body is not ours
 */
function readRange(response, offset) {
  const length = Number(response.headers['content-length']) || undefined;
  if (response.statusCode === 200) return { start: 0, total: length };
  const [, from, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(response.headers['content-range'] ?? '') ?? [];
  if (response.statusCode === 206 && Number(from) === offset)
    return { start: offset, total: Number(total) || undefined };
  return { total: Number(total) || undefined };
}

/**
 * @param {string} file
 * @returns {Promise<string>} hex
 */
export async function sha256Of(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** @param {string} file */
function sizeOf(file) {
  return existsSync(file) ? statSync(file).size : 0;
}

/**
 * Leaves out what is undefined, which exact optional properties do not allow.
 * @template {object} T
 * @param {T} values
 * @returns {{ [K in keyof T]: Exclude<T[K], undefined> }}
 */
function optional(values) {
  return /** @type {any} */ (Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)));
}
