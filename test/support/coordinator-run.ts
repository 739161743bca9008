import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Coordinator, type CoordinatorOptions } from '../../coordinator/index.ts';
import { loopbackSecurity } from '../../shared/rpc/index.ts';
import { FakeWorker } from './fake-worker.ts';
import { settings } from './membership-run.ts';

const directory = mkdtempSync(join(tmpdir(), 'lockstep-coordinator-'));
after(() => rmSync(directory, { recursive: true }));
let runs = 0;

/** A coordinator for 2 workers with 4 replicas, on free ports, that keeps what it prints. */
export async function coordinate(changes: Partial<CoordinatorOptions> = {}) {
  const out = join(directory, String(++runs));
  const printed: string[] = [];
  const results: string[] = [];
  const coordinator = await Coordinator.start({
    listen: '127.0.0.1:0',
    settings,
    out,
    json: true,
    metricsListen: '127.0.0.1:0',
    heartbeatIntervalMs: 50,
    heartbeatTimeoutMs: 400,
    joinTimeoutMs: 20_000,
    security: loopbackSecurity,
    runToken: '',
    terminal: { isTTY: false, columns: 80, write: (text) => void printed.push(text) },
    writeResult: (line) => void results.push(line),
    ...changes,
  });
  return { coordinator, out, results, text: () => printed.join('') };
}

/** The same, with both workers in their generation. */
export async function start(changes: Partial<CoordinatorOptions> = {}) {
  const run = await coordinate(changes);
  const { address } = run.coordinator;
  const first = await FakeWorker.start(address, 'w0');
  const second = await FakeWorker.start(address, 'w1');
  const generation = await first.receive('generationStart');
  await second.receive('generationStart');
  return { ...run, first, second, generation };
}

/** What the status server answers. */
export async function get(
  address: string | null,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; text: string; contentType: string }> {
  const response = await fetch(`http://${address}${path}`, init);
  return {
    status: response.status,
    text: await response.text(),
    contentType: response.headers.get('content-type') ?? '',
  };
}
