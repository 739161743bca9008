/**
 * @typedef {object} TestEvent what node:test reports about one test, as far as it is counted
 * @property {string} name
 * @property {string | boolean | undefined} [skip] the reason, if the test gave one
 * @property {string | boolean | undefined} [todo]
 * @property {string | undefined} [file]
 * @property {{ type?: string | undefined, error?: unknown }} [details] type 'suite' for describe()
 */

/** Counts tests (not suites) over several runs. */
export class TestTally {
  passed = 0;
  /** @type {string[]} */
  failures = [];
  /** @type {string[]} */
  skips = [];

  /** @param {TestEvent} event */
  pass(event) {
    if (event.details?.type === 'suite') return;
    if (event.skip !== undefined && event.skip !== false) {
      this.count('skipped', `${event.name}: ${event.skip === true ? 'no reason given' : event.skip}`);
    } else if (!event.todo) {
      this.count('passed', event.name);
    }
  }

  /** @param {TestEvent} event */
  fail(event) {
    // What fails only because a test inside it failed is that same failure, which is counted already.
    if (event.todo || isOfSubtests(event.details?.error)) return;
    this.count('failed', event.name);
  }

  /**
   * @param {'passed' | 'failed' | 'skipped'} outcome
   * @param {string} name
   */
  count(outcome, name) {
    if (outcome === 'passed') this.passed += 1;
    else (outcome === 'failed' ? this.failures : this.skips).push(name);
  }

  /** No test at all is a failure too: something kept them from being found. */
  get isSuccess() {
    return this.failures.length === 0 && this.passed > 0;
  }

  /** @returns {string} ends in the line `N passed, N failed[, N skipped]` */
  report() {
    const lines = [''];
    if (this.skips.length > 0) lines.push('skipped:', ...this.skips.map((skip) => `  ${skip}`));
    if (this.failures.length > 0) lines.push('failed:', ...this.failures.map((name) => `  ${name}`));
    const skipped = this.skips.length > 0 ? `, ${this.skips.length} skipped` : '';
    lines.push(`${this.passed} passed, ${this.failures.length} failed${skipped}`);
    return lines.join('\n');
  }
}

/** @param {unknown} error */
function isOfSubtests(error) {
  return error instanceof Error && 'failureType' in error && error.failureType === 'subtestsFailed';
}
