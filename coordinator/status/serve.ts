import { hostname } from 'node:os';
import { type Registry, serveTelemetry, type TelemetryServer } from '../../shared/telemetry/index.ts';
import type { RunTally } from '../tally.ts';
import { statusPage } from './page.ts';
import { statusSnapshot } from './snapshot.ts';
import { scrapeTargets } from './targets.ts';

export type StatusServer = TelemetryServer;

const ANY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/**
 * The coordinator's pages: `/` live page, /status.json, /metrics, /targets, /healthz.
 * @throws LockstepError rpc/address-in-use, config/invalid
 */
export async function serveStatus(options: {
  readonly listen: string;
  readonly registry: Registry;
  readonly tally: RunTally;
  readonly run: { readonly runId: string; readonly replicas: number; readonly workers: number };
  readonly now: () => number;
}): Promise<StatusServer> {
  const { listen, registry, tally, run, now } = options;
  const json = (value: unknown) => ({ contentType: 'application/json', body: `${JSON.stringify(value)}\n` });
  let own = '';
  const server = await serveTelemetry({
    listen,
    registry,
    health: () => ({ ok: tally.stage !== 'failed', text: tally.stage }),
    routes: {
      '/': () => ({ contentType: 'text/html; charset=utf-8', body: statusPage }),
      '/status.json': () => json(statusSnapshot(tally, run, now())),
      '/targets': () =>
        json(
          scrapeTargets(
            own,
            [...tally.workers.values()].map(({ hello }) => hello),
          ),
        ),
    },
  });
  own = ANY_HOST.has(server.host) ? `${hostname()}:${server.port}` : server.address;
  return server;
}
