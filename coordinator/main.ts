import { join } from 'node:path';
import { LockstepError, makeDirectory, monotonicClock, packageVersion } from '../shared/core/index.ts';
import { type RunningServer, startServer } from '../shared/rpc/index.ts';
import { coordinatorMetrics, createLog, createRegistry, type Log } from '../shared/telemetry/index.ts';
import { beginRun } from './begin-run.ts';
import { type Journal, RunLock } from './journal/index.ts';
import { type Action, activeOf, type Event, type Report, type RunState, reduce } from './membership/index.ts';
import type { CoordinatorOptions } from './options.ts';
import { Progress, stderrTerminal } from './progress.ts';
import { summaryLines } from './progress-text.ts';
import { type RunResult, runResult, writeFileAtomically } from './result.ts';
import { ControlLinks } from './service.ts';
import { MetricsObserver, type StatusServer, serveStatus } from './status/index.ts';
import { RunTally } from './tally.ts';
import { linksOf, toMessage } from './wire.ts';

/**
 * Runs one coordinator to its end and returns the exit code: 0 complete, 1 failed, 2 bad usage, and what `drain` or
 * `stop` gave for a run that was interrupted. Errors of the run are printed, not thrown.
 * @param started gets the coordinator once it listens, to wire signals to `drain` and `stop`
 * @throws LockstepError when it cannot start: rpc/address-in-use, config/invalid, config/insecure, checkpoint/write
 */
export async function runCoordinator(
  options: CoordinatorOptions,
  started?: (coordinator: Coordinator) => void,
): Promise<number> {
  const coordinator = await Coordinator.start(options);
  started?.(coordinator);
  return coordinator.ended;
}

/** A running coordinator: the shell that gives events to the reducer, in order, and does what it decides. */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #runId: string;
  readonly #log: Log;
  readonly #links: ControlLinks;
  readonly #lock: RunLock;
  readonly #journal: Journal;
  readonly #tally = new RunTally();
  readonly #progress: Progress;
  readonly #metrics: MetricsObserver;
  readonly #registry = createRegistry({ processMetricsPrefix: 'lockstep_' });
  readonly #queue: Event[] = [];
  #dispatching = false;
  #state: RunState;
  #server: RunningServer | undefined;
  #status: StatusServer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #result: RunResult | null = null;
  #resolveEnded: (exitCode: number) => void = () => {};
  #rejectEnded: (error: unknown) => void = () => {};
  /** The exit code, once everything is closed. Rejects only for a bug or a journal that can no longer be written. */
  readonly ended: Promise<number>;

  private constructor(options: CoordinatorOptions, lock: RunLock) {
    const { settings } = options;
    this.#options = options;
    this.#lock = lock;
    const begun = beginRun(options, monotonicClock.now());
    this.#runId = begun.runId;
    this.#state = begun.state;
    this.#journal = begun.journal;
    const terminal = options.terminal ?? stderrTerminal;
    this.#progress = new Progress(this.#tally, terminal, { verbose: options.verbose ?? 'auto' });
    this.#log = createLog({
      component: 'coordinator',
      level: options.logLevel ?? 'warn',
      format: terminal.isTTY ? 'pretty' : 'json',
      write: (line) => this.#progress.print(line),
    });
    const version = packageVersion();
    this.#metrics = new MetricsObserver(coordinatorMetrics(this.#registry), this.#tally, { version, settings });
    this.#links = new ControlLinks({ runToken: options.runToken, dispatch: (event) => this.#dispatch(event) });
    for (const report of begun.reports) {
      this.#tally.observe(report, monotonicClock.now());
      this.#metrics.observe(report);
    }
    this.ended = new Promise((resolve, reject) => {
      this.#resolveEnded = resolve;
      this.#rejectEnded = reject;
    });
  }

  /** Listens and is ready for workers. @throws LockstepError as runCoordinator */
  static async start(options: CoordinatorOptions): Promise<Coordinator> {
    makeDirectory(options.out, '--out');
    const lock = RunLock.acquire(options.out);
    let coordinator: Coordinator | undefined;
    try {
      coordinator = new Coordinator(options, lock);
      await coordinator.#listen();
      return coordinator;
    } catch (error) {
      if (coordinator !== undefined) await coordinator.#close();
      lock.release();
      throw error;
    }
  }

  /** `host:port` that workers connect to. */
  get address(): string {
    return this.#server?.address ?? '';
  }

  /** `host:port` of /metrics and the status page. */
  get metricsAddress(): string | null {
    return this.#status?.address ?? null;
  }

  /** What the run came to; null before its end, and after a failure. */
  get result(): RunResult | null {
    return this.#result;
  }

  /** End after the current step with everything saved; a second time: stop at once. */
  drain(reason: string, exitCode = 130): void {
    this.#dispatch({ kind: 'drainRequested', reason, exitCode });
  }

  /** End now, with `error` for all. */
  stop(error: LockstepError | string, exitCode = 130): void {
    const lockstepError = typeof error === 'string' ? new LockstepError('run/interrupted', error) : error;
    this.#dispatch({ kind: 'stopRequested', error: lockstepError.toRecord(), exitCode });
  }

  /** Writes a line to where people read without tearing the progress line. */
  print(text: string): void {
    this.#progress.print(text);
  }

  async #listen(): Promise<void> {
    const { listen, security, metricsListen, settings, heartbeatTimeoutMs } = this.#options;
    this.#server = await startServer({ address: listen, services: [this.#links.service], kind: 'control', security });
    if (metricsListen !== null) {
      const { replicas, workers } = settings;
      this.#status = await serveStatus({
        ...{ listen: metricsListen, registry: this.#registry, tally: this.#tally },
        run: { runId: this.#runId, replicas, workers },
        now: () => monotonicClock.now(),
      });
    }
    if (security.kind === 'plaintext' && security.insecure) {
      this.#log.warn('connections are not encrypted and anyone who reaches this address can join (--insecure)', {
        listen,
      });
    }
    this.#timer = setInterval(() => this.#dispatch({ kind: 'tick' }), Math.min(250, heartbeatTimeoutMs / 4));
    this.#options.onListening?.(this.address, this.metricsAddress);
  }

  /** One event at a time: actions can cause events (an aborted stream is a closed link). */
  #dispatch(event: Event): void {
    this.#queue.push(event);
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#step(next);
    } catch (error) {
      // The journal is part of every decision: without it nothing may be decided.
      clearInterval(this.#timer);
      const reject = () => this.#rejectEnded(error);
      this.#close().then(reject, reject);
    } finally {
      this.#dispatching = false;
    }
  }

  #step(event: Event): void {
    const { state, actions, reason } = reduce(this.#state, event, monotonicClock.now());
    this.#state = state;
    if (event.kind !== 'tick' && event.kind !== 'heartbeat') this.#log.debug(reason, { event: event.kind });
    for (const action of actions) this.#perform(action);
  }

  #perform(action: Action): void {
    switch (action.kind) {
      case 'journal':
        this.#journal.append({ runId: this.#runId, ...action.record });
        return;
      case 'report':
        this.#observe(action.event);
        return;
      case 'countStale':
        this.#metrics.countStale();
        return;
      case 'closeLink':
        this.#links.abort(
          action.link,
          new LockstepError('run/worker-lost', 'the coordinator gave this worker up as lost'),
        );
        return;
      case 'exit':
        void this.#exit(action.code);
        return;
      default:
        this.#send(action);
    }
  }

  #send(action: Action): void {
    const { settings, heartbeatIntervalMs, heartbeatTimeoutMs } = this.#options;
    const generation = activeOf(this.#state.stage)?.generation ?? 0;
    const welcome = { settingsJson: JSON.stringify(settings), heartbeatIntervalMs, heartbeatTimeoutMs };
    const message = toMessage(action, { runId: this.#runId, generation, welcome });
    if (message === undefined) return;
    for (const link of linksOf(action)) this.#links.send(link, message);
    if (action.kind === 'sendRefused') this.#links.end(action.link);
  }

  #observe(report: Report): void {
    const now = monotonicClock.now();
    this.#tally.observe(report, now);
    this.#metrics.observe(report);
    this.#progress.observe(report, now);
    if (report.kind === 'left') this.#options.onLeft?.(report.hello.workerId);
    if (report.kind === 'consequence') this.#log.info(report.error.message, { code: report.error.code });
    if (report.kind === 'step') this.#log.debug('step committed', { ...report.report });
    if (report.kind === 'finished') this.#complete();
  }

  #complete(): void {
    const { out, settings } = this.#options;
    const result = runResult(this.#tally, settings);
    this.#result = result;
    writeFileAtomically(join(out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    if (this.#options.verbose === '0') return;
    const places = { journal: this.#journal.path, metricsUrl: this.#status?.url ?? null };
    for (const line of summaryLines(result, places)) this.#progress.print(line);
  }

  async #exit(code: number): Promise<void> {
    clearInterval(this.#timer);
    await this.#close();
    if (this.#options.json && this.#result !== null) {
      const write = this.#options.writeResult ?? ((line: string) => void process.stdout.write(line));
      write(`${JSON.stringify(this.#result)}\n`);
    }
    this.#resolveEnded(code);
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    this.#progress.close();
    await Promise.all([this.#server?.close(100), this.#status?.close()]);
    this.#journal.close();
    this.#lock.release();
  }
}
