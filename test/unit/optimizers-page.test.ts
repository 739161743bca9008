import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { optimizerNames, optimizers, resolveOptimizer, type Schedule, scheduleNames } from '../../shared/job/index.ts';
import { repositoryRoot } from '../support/repository.ts';

const page = readFileSync(join(repositoryRoot, 'docs/optimizers.md'), 'utf8').split('\n');

/** How the page writes options and their defaults. */
function listed(options: object): string {
  return Object.entries(options)
    .map(([name, value]) => `\`${name}\` ${value}`)
    .join(', ');
}

function assertRow(start: string): void {
  assert.equal(
    page.filter((line) => line.startsWith(start)).length,
    1,
    `docs/optimizers.md needs one row "${start} …"`,
  );
}

for (const optimizer of optimizerNames) {
  test(`docs/optimizers.md has the defaults of ${optimizer}`, () => {
    const { name, ...options } = resolveOptimizer(optimizer);
    assertRow(`| \`${name}\` | ${listed(options)} | `);
  });
}

/** What has no default. */
const required: Readonly<Record<Schedule['name'], object>> = {
  exponentialDecay: { initialLearningRate: 1, decaySteps: 1, decayRate: 1 },
  inverseTimeDecay: { initialLearningRate: 1, decaySteps: 1, decayRate: 1 },
  polynomialDecay: { initialLearningRate: 1, decaySteps: 1 },
  cosineDecay: { initialLearningRate: 1, decaySteps: 1 },
  cosineDecayRestarts: { initialLearningRate: 1, firstDecaySteps: 1 },
  piecewiseConstantDecay: { boundaries: [1], values: [1, 2] },
  warmup: { warmupSteps: 1, schedule: 1 },
};
/** What may be left out and then is not there. */
const optional: Readonly<Partial<Record<Schedule['name'], string>>> = { cosineDecay: ' (`warmupTarget`)' };

for (const schedule of scheduleNames) {
  test(`docs/optimizers.md has the options and defaults of ${schedule}`, () => {
    const given = { name: schedule, ...required[schedule] };
    const complete = optimizers.sgd({ learningRate: given as Schedule }).learningRate;
    const defaults = Object.entries(complete).filter(([option]) => !Object.hasOwn(given, option));
    const needed = Object.keys(required[schedule]).map((option) => `\`${option}\``);
    const last = defaults.length === 0 ? '' : `${listed(Object.fromEntries(defaults))} `;
    assertRow(`| \`${schedule}\` | ${needed.join(', ')}${optional[schedule] ?? ''} | ${last}|`);
  });
}
