/**
 * Prints the steps of set-up as `[2/5] title … result`. On a terminal a long step rewrites its line; elsewhere (CI logs)
 * it adds a line every ten seconds.
 */
export class Steps {
  /**
   * @param {number} count
   * @param {{ out?: NodeJS.WritableStream & { isTTY?: boolean, columns?: number }, now?: () => number }} [deps]
   */
  constructor(count, { out = process.stdout, now = Date.now } = {}) {
    this.count = count;
    this.out = out;
    this.now = now;
    this.index = 0;
    this.title = '';
    this.lastLineAt = 0;
    this.isLineOpen = false;
  }

  /** @param {string} title */
  start(title) {
    this.index += 1;
    this.title = `[${this.index}/${this.count}] ${title} … `;
    this.lastLineAt = this.now();
    this.isLineOpen = true;
    this.out.write(this.title);
  }

  /** @param {string} text how far a long step is */
  progress(text) {
    if (this.out.isTTY) {
      const line = (this.title + text).slice(0, (this.out.columns ?? 120) - 1);
      this.out.write(`\r\x1b[K${line}`);
    } else if (this.now() - this.lastLineAt >= 10_000) {
      this.lastLineAt = this.now();
      this.note(text);
    }
  }

  /** @param {string} text something that stays on the screen */
  note(text) {
    if (this.isLineOpen) this.out.write('\n');
    this.isLineOpen = false;
    this.out.write(`      ${text}\n`);
  }

  /** @param {string} result */
  done(result) {
    if (this.isLineOpen) this.out.write(this.out.isTTY ? `\r\x1b[K${this.title}${result}\n` : `${result}\n`);
    else this.out.write(`      ${result}\n`);
    this.isLineOpen = false;
  }

  /** Ends an open line, so that what follows (an error) starts on its own. */
  close() {
    if (this.isLineOpen) this.out.write('\n');
    this.isLineOpen = false;
  }
}
