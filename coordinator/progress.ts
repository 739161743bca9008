import type { Verbosity } from '../shared/config/index.ts';
import type { Report } from './membership/index.ts';
import {
  checkpointText,
  decisionText,
  epochLine,
  failureText,
  goOnLine,
  goOnText,
  progressLine,
  startLine,
} from './progress-text.ts';
import type { RunTally } from './tally.ts';

/** Where progress is written: stderr, or something like it. */
export interface Terminal {
  readonly isTTY: boolean;
  /** Width in characters; ignored when it is no TTY. */
  readonly columns: number;
  write(text: string): void;
}

export const stderrTerminal: Terminal = {
  get isTTY() {
    return process.stderr.isTTY === true;
  },
  get columns() {
    return process.stderr.columns ?? 80;
  },
  write: (text) => void process.stderr.write(text),
};

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
const ERASE_LINE = '\r\u001b[2K';

/**
 * Tells people how the run goes: on a terminal (or by `verbose: '1'`) one line that updates in place, elsewhere a line
 * every few seconds; in both, one line that stays for each epoch, and by `verbose: '2'` that line alone. Call `observe` after the tally has seen the report.
 */
export class Progress {
  readonly #tally: RunTally;
  readonly #terminal: Terminal;
  readonly #verbose: Verbosity;
  #drawn = false;
  #lastDrawMs = Number.NEGATIVE_INFINITY;

  constructor(tally: RunTally, terminal: Terminal, options: { readonly verbose?: Verbosity } = {}) {
    this.#tally = tally;
    this.#terminal = terminal;
    this.#verbose = options.verbose ?? 'auto';
  }

  observe(report: Report, now: number): void {
    switch (report.kind) {
      case 'joined':
        if (this.#tally.active !== null) this.#say(`worker ${report.hello.workerId} joined; loading the job`);
        else if (report.joined === report.wanted)
          this.#say(`${report.wanted} of ${report.wanted} workers joined; loading the job`);
        break;
      case 'left':
        this.#say(report.why);
        break;
      case 'refused':
        this.print(failureText(report.error));
        break;
      case 'failed':
        this.print(failureText(report.error));
        if (this.#tally.lastCheckpoint !== null) this.#say(goOnText(this.#tally.lastCheckpoint.place));
        break;
      case 'resumed':
        this.#say(`going on after step ${report.resume.step}, from ${report.resume.place}`);
        break;
      case 'checkpointed':
        for (const line of checkpointText(report.report)) this.print(line);
        break;
      case 'started':
        this.#say(report.active.generation === 1 ? startLine(this.#tally) : goOnLine(report.active));
        if (this.#tally.active?.totalSteps !== 0) this.#lastDrawMs = now;
        break;
      case 'recovered':
        this.#say(`the coordinator is back: ${goOnLine(report.active)}`);
        break;
      case 'regrouping':
        this.#say(report.why);
        break;
      case 'planned':
        this.#say(startLine(this.#tally));
        break;
      case 'step':
        this.#afterStep(now);
        break;
      case 'epoch':
        this.#say(epochLine(report.end, this.#tally));
        break;
      case 'decision':
        for (const line of decisionText(report.decision)) this.#say(line);
        break;
      case 'draining':
        this.#say(`${report.reason}: the workers finish this step, then save; once more to stop at once`);
        break;
      case 'finished':
        this.#erase();
        break;
      case 'returned':
      case 'evaluation':
      case 'beat':
      case 'consequence':
        break;
      default:
        report satisfies never;
    }
  }

  /** Writes whole lines without tearing the progress line, however quiet the run is. */
  print(text: string): void {
    this.#erase();
    this.#terminal.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  close(): void {
    this.#erase();
  }

  #say(text: string): void {
    if (this.#verbose !== '0') this.print(text);
  }

  /** The last step of an epoch is told by the epoch's own line, which comes at once where nothing is to be validated. */
  #afterStep(now: number): void {
    const { active, epoch } = this.#tally;
    const isLast = epoch?.steps === active?.stepsPerEpoch;
    if (isLast && active?.facts.validationSamples === 0) return;
    if (now - this.#lastDrawMs >= (this.#inPlace ? REDRAW_MS : PLAIN_LINE_MS)) this.#draw(now);
  }

  #draw(now: number): void {
    if (this.#verbose === '0' || this.#verbose === '2') return;
    this.#lastDrawMs = now;
    const { isTTY, columns } = this.#terminal;
    const inPlace = this.#inPlace;
    const line = progressLine(this.#tally, { bar: inPlace, columns: isTTY ? columns - 1 : Number.POSITIVE_INFINITY });
    this.#terminal.write(inPlace ? ERASE_LINE + line : `${line}\n`);
    this.#drawn = inPlace;
  }

  get #inPlace(): boolean {
    return this.#verbose === '1' || this.#terminal.isTTY;
  }

  #erase(): void {
    if (this.#drawn) this.#terminal.write(ERASE_LINE);
    this.#drawn = false;
  }
}
