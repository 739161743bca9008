/**
 * Runs lint and the compiled tests, tier by tier, and ends in one line `N passed, N failed`.
 * `npm test -- [--tier unit,sim] [--name pattern] [test/unit/lock.test.ts …]`; a narrowed run leaves lint out.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { findPackageRoot } from './package-root.mjs';
import { runAttached } from './run-command.mjs';
import { TestTally } from './test-tally.mjs';

/** In this order: what is quick and tells most comes first. */
const tiers = ['unit', 'sim', 'integration', 'parity', 'chaos', 'deploy'];

/** A file that hangs must not hang the run; the slowest file takes a small part of this. */
const fileDeadlineMs = 600_000;

/**
 * Source files decide what is a test: a compiled test whose source was deleted is no longer one.
 * @param {string} packageRoot
 * @param {string} tier
 * @returns {string[]} relative to the package
 */
function findTests(packageRoot, tier) {
  const directory = join('test', tier);
  if (!existsSync(join(packageRoot, directory))) return [];
  const names = /** @type {string[]} */ (readdirSync(join(packageRoot, directory), { recursive: true }));
  return names
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(directory, name));
}

/**
 * @param {string} packageRoot
 * @param {readonly string[]} files sources, relative to the package
 * @param {{ concurrency: number, pattern: string | undefined, tally: TestTally }} options
 */
async function runFiles(packageRoot, files, { concurrency, pattern, tally }) {
  const compiled = files.map((file) => join(packageRoot, 'dist', file.replace(/\.ts$/, '.js')));
  const stream = run({
    files: compiled,
    concurrency,
    timeout: fileDeadlineMs,
    ...(pattern === undefined ? {} : { testNamePatterns: [new RegExp(pattern)] }),
  });
  stream.on('test:pass', (event) => tally.pass(event));
  stream.on('test:fail', (event) => tally.fail(event));
  const printed = stream.compose(new spec());
  printed.pipe(process.stdout, { end: false });
  await new Promise((resolve, reject) => printed.on('end', resolve).on('error', reject));
}

/** @returns {Promise<number>} exit status */
async function main() {
  const { values, positionals } = parseArgs({
    options: { tier: { type: 'string' }, name: { type: 'string' } },
    allowPositionals: true,
  });
  const packageRoot = findPackageRoot();
  const wanted = values.tier?.split(',') ?? tiers;
  const unknown = wanted.find((tier) => !tiers.includes(tier));
  if (unknown !== undefined) {
    console.error(`--tier ${unknown}: expected some of ${tiers.join(',')}`);
    return 2;
  }
  const tally = new TestTally();
  const given = positionals.map((file) => relative(packageRoot, resolve(file)));
  if (given.length === 0 && values.tier === undefined && values.name === undefined) {
    console.log('# lint');
    const biome = join(packageRoot, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
    const code = await runAttached(process.execPath, [biome, 'check', '.'], { cwd: packageRoot });
    tally.count(code === 0 ? 'passed' : 'failed', 'lint: biome check');
  }
  for (const tier of wanted) {
    const all = findTests(packageRoot, tier);
    const files = given.length === 0 ? all : all.filter((file) => given.includes(file));
    if (files.length === 0) continue;
    console.log(`\n# ${tier}: ${files.length} files`);
    // Only unit tests leave processors to each other: the rest start processes and measure deadlines.
    await runFiles(packageRoot, files, { concurrency: tier === 'unit' ? 2 : 1, pattern: values.name, tally });
  }
  console.log(tally.report());
  return tally.isSuccess ? 0 : 1;
}

process.exitCode = await main();
