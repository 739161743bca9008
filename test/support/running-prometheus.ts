import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { repositoryRoot } from './repository.ts';

/** One element of an instant query's answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** [Unix seconds, value] of an instant vector. */
  readonly value: readonly [number, string];
  /** The same for each sample of a range vector. */
  readonly values: readonly (readonly [number, string])[];
}

/** The checked-in configuration with another coordinator's address and a scrape each second. */
export function configurationFor(coordinator: string): string {
  const checkedIn = readFileSync(join(repositoryRoot, 'deploy', 'prometheus', 'prometheus.yml'), 'utf8');
  return checkedIn
    .replaceAll('127.0.0.1:9464', coordinator)
    .replace(/(scrape_interval|evaluation_interval|refresh_interval): \w+/g, '$1: 1s')
    .replace('rules.yml', join(repositoryRoot, 'deploy', 'prometheus', 'rules.yml'));
}

/** A Prometheus server of this test's own, on loopback, with its data in `directory`. */
export class RunningPrometheus {
  readonly url: string;
  readonly #process: ChildProcess;
  #log = '';

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#process = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
  }

  /** Resolves when it answers queries. */
  static async start(program: string, configuration: string, directory: string): Promise<RunningPrometheus> {
    mkdirSync(directory, { recursive: true });
    const file = join(directory, 'prometheus.yml');
    writeFileSync(file, configuration);
    const address = `127.0.0.1:${await freePort()}`;
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=${address}`,
    ];
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: directory });
    const server = new RunningPrometheus(`http://${address}`, child);
    while (!(await server.#isReady())) {
      if (child.exitCode !== null) throw new Error(`prometheus exited with ${child.exitCode}:\n${server.#log}`);
      await setTimeout(50);
    }
    return server;
  }

  async query(expression: string, time?: number): Promise<Series[]> {
    const parameters = new URLSearchParams({
      query: expression,
      ...(time === undefined ? {} : { time: String(time) }),
    });
    const response = await fetch(`${this.url}/api/v1/query?${parameters}`);
    const answer = (await response.json()) as { status: string; error?: string; data: { result: Series[] } };
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result;
  }

  /** The value of an expression that gives one series. */
  async value(expression: string, time?: number): Promise<number> {
    const result = await this.query(expression, time);
    if (result.length !== 1) throw new Error(`${expression}: ${result.length} series instead of one`);
    return Number(result[0]?.value[1]);
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/-/ready`)).ok;
    } catch {
      return false;
    }
  }
}

/** A port that was free a moment ago: Prometheus 2.42 cannot tell which one it took. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
