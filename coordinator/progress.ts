import type { Report } from './membership/index.ts';
import { epochLine, failureText, progressLine, startLine } from './progress-text.ts';
import type { EpochMeans, RunTally } from './tally.ts';

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
 * Tells people how the run goes: on a terminal one line that updates in place, elsewhere a line every few seconds;
 * in both, one line that stays for each epoch. Call `observe` after the tally has seen the report.
 */
export class Progress {
  readonly #tally: RunTally;
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  #drawn = false;
  #lastDrawMs = Number.NEGATIVE_INFINITY;
  /** An epoch whose validation is still to come. */
  #openEpoch: EpochMeans | null = null;
  /** The last epoch that got its line. */
  #shown = 0;

  constructor(tally: RunTally, terminal: Terminal, options: { readonly quiet?: boolean } = {}) {
    this.#tally = tally;
    this.#terminal = terminal;
    this.#quiet = options.quiet ?? false;
  }

  observe(report: Report, now: number): void {
    switch (report.kind) {
      case 'joined':
        if (report.joined === report.wanted)
          this.#say(`${report.wanted} of ${report.wanted} workers joined; loading the job`);
        break;
      case 'left':
        this.#say(report.why);
        break;
      case 'refused':
      case 'failed':
        this.#closeEpoch();
        this.print(failureText(report.error));
        break;
      case 'started':
        this.#say(startLine(this.#tally));
        if (this.#tally.active?.totalSteps !== 0) this.#lastDrawMs = now;
        break;
      case 'step':
        this.#afterStep(now);
        break;
      case 'evaluation':
        if (report.evaluation.split === 'validation') this.#closeEpoch();
        break;
      case 'draining':
        this.#say(`${report.reason}: the workers finish this step, then save; once more to stop at once`);
        break;
      case 'finished':
        this.#closeEpoch();
        this.#erase();
        break;
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
    if (!this.#quiet) this.print(text);
  }

  #afterStep(now: number): void {
    const { active, epoch, committedSteps } = this.#tally;
    if (active === null || epoch === null) return;
    if (this.#tally.isEpochComplete || committedSteps === active.totalSteps) {
      // Reports of the next epoch's steps may overtake the last share of the validation, but not for a whole epoch.
      this.#closeEpoch();
      this.#openEpoch = epoch;
      if (active.facts.validationSamples === 0) this.#closeEpoch();
      else this.#draw(now);
      return;
    }
    if (now - this.#lastDrawMs >= (this.#terminal.isTTY ? REDRAW_MS : PLAIN_LINE_MS)) this.#draw(now);
  }

  /** Prints the line of the epoch that waits for its validation. */
  #closeEpoch(): void {
    const { active, evaluations } = this.#tally;
    const means = this.#openEpoch ?? (this.#tally.stage === 'finished' ? this.#unfinishedEpoch() : null);
    if (means === null || active === null) return;
    this.#openEpoch = null;
    const step = (means.epoch - 1) * active.stepsPerEpoch + means.steps;
    const validation = evaluations.get('validation');
    const epochs = Math.ceil(active.totalSteps / active.stepsPerEpoch);
    this.#say(epochLine(means, epochs, validation?.step === step ? validation : null, this.#tally));
    this.#shown = means.epoch;
  }

  /** What a drained run did of its last epoch. */
  #unfinishedEpoch(): EpochMeans | null {
    const { epoch } = this.#tally;
    return epoch !== null && epoch.epoch > this.#shown ? epoch : null;
  }

  #draw(now: number): void {
    if (this.#quiet) return;
    this.#lastDrawMs = now;
    const { isTTY, columns } = this.#terminal;
    const line = progressLine(this.#tally, { bar: isTTY, columns: isTTY ? columns - 1 : Number.POSITIVE_INFINITY });
    this.#terminal.write(isTTY ? ERASE_LINE + line : `${line}\n`);
    this.#drawn = isTTY;
  }

  #erase(): void {
    if (this.#drawn) this.#terminal.write(ERASE_LINE);
    this.#drawn = false;
  }
}
