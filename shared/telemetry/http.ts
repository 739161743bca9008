import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LockstepError, parseAddress } from '../core/index.ts';
import type { Registry } from './metrics.ts';

export interface HttpReply {
  readonly status?: number;
  readonly contentType: string;
  readonly body: string;
}

export interface TelemetryServerOptions {
  /** `host:port`, `:port` or `port`; without a host it is loopback. Port 0 takes a free one. */
  readonly listen: string;
  readonly registry: Registry;
  /** Brings gauges and counters that are read from elsewhere up to date before each scrape. */
  readonly beforeScrape?: () => void;
  /** Whether the process is well, and a word about it; 200 or 503 on /healthz. */
  readonly health?: () => { readonly ok: boolean; readonly text: string };
  /** More pages by path, each computed at the request. */
  readonly routes?: Readonly<Record<string, () => HttpReply | Promise<HttpReply>>>;
}

/** A running server of read-only pages. */
export interface TelemetryServer {
  readonly host: string;
  readonly port: number;
  /** `host:port`, as others reach it. */
  readonly address: string;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves /metrics, /healthz and `routes`. Only GET and HEAD exist: nothing that a client sends changes the run.
 * @throws LockstepError rpc/address-in-use, config/invalid
 */
export async function serveTelemetry(options: TelemetryServerOptions): Promise<TelemetryServer> {
  const { host, port } = parseAddress(options.listen);
  const server = createServer((request, response) => void answer(options, request, response));
  await listen(server, host, port);
  const bound = server.address() as AddressInfo;
  const shownHost = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  const address = `${shownHost}:${bound.port}`;
  let closing: Promise<void> | undefined;
  return {
    host: bound.address,
    port: bound.port,
    address,
    url: `http://${address}`,
    close: () => (closing ??= closeServer(server)),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const where = `${host}:${port}`;
      reject(
        cause.code === 'EADDRINUSE'
          ? new LockstepError(
              'rpc/address-in-use',
              `the metrics address ${where} is taken by another process; choose another port, or port 0 for any free one`,
              { cause, details: { host, port } },
            )
          : new LockstepError('config/invalid', `cannot listen for metrics on ${where}: ${cause.message}`, { cause }),
      );
    });
    server.listen({ host, port }, resolve);
  });
}

async function answer(
  options: TelemetryServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let reply: HttpReply;
  try {
    reply = await route(options, request);
  } catch (error) {
    reply = plain(500, `error: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  response.writeHead(reply.status ?? 200, {
    'content-type': reply.contentType,
    'content-length': Buffer.byteLength(reply.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(reply.status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

async function route(options: TelemetryServerOptions, request: IncomingMessage): Promise<HttpReply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'read-only: GET and HEAD\n');
  const path = (request.url ?? '/').replace(/[?#].*$/, '');
  if (path === '/metrics') {
    options.beforeScrape?.();
    return { contentType: options.registry.contentType, body: await options.registry.metrics() };
  }
  if (path === '/healthz') {
    const { ok, text } = options.health?.() ?? { ok: true, text: 'ok' };
    return plain(ok ? 200 : 503, `${text}\n`);
  }
  const page = options.routes !== undefined && Object.hasOwn(options.routes, path) ? options.routes[path] : undefined;
  return page === undefined ? plain(404, 'not found\n') : page();
}

function plain(status: number, body: string): HttpReply {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // A scraper's idle keep-alive connection would hold the process open.
    server.closeAllConnections();
  });
}
