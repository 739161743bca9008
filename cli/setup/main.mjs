/**
 * Sets up everything that lockstep needs on this machine, and says so: `node cli/setup/main.mjs [--engine cpu]
 * [--then demo|test|bench [arguments…]]`. Runs before any npm package is there, so it imports only Node and its
 * neighbours, and does nothing twice: with everything in place it takes well under two seconds.
 */
import { join } from 'node:path';
import { build } from './build.mjs';
import { checkMachine } from './checks.mjs';
import { planEngine, provideEngine } from './engine.mjs';
import { SetupFailure } from './failure.mjs';
import { probeMachine } from './machine.mjs';
import { findPackageRoot } from './package-root.mjs';
import { arePackagesInstalled, installPackages } from './packages.mjs';
import { Steps } from './progress.mjs';
import { runAttached } from './run-command.mjs';
import { parseSetupArguments, usage } from './setup-arguments.mjs';

/**
 * @param {string} packageRoot
 * @param {import('./checks.mjs').EngineName} engine
 */
async function setUp(packageRoot, engine) {
  const steps = new Steps(4);
  const report = {
    progress: (/** @type {string} */ text) => steps.progress(text),
    note: (/** @type {string} */ text) => steps.note(text),
  };
  try {
    steps.start('machine');
    steps.done(summarize(checkMachine(probeMachine(), engine), report.note));

    steps.start('npm packages');
    if (arePackagesInstalled(packageRoot)) steps.done('already there');
    else {
      await installPackages(packageRoot);
      steps.done('installed');
    }

    if (engine === 'cpu') {
      steps.start('TensorFlow');
      steps.done('skipped: plain JavaScript engine (cpu)');
    } else {
      const plan = planEngine(packageRoot);
      steps.start(plan.title);
      steps.done(await provideEngine(packageRoot, plan, report));
    }

    steps.start('build');
    steps.done(await build(packageRoot));
  } finally {
    steps.close();
  }
}

/**
 * @param {readonly import('./checks.mjs').Check[]} checks
 * @param {(text: string) => void} note
 */
function summarize(checks, note) {
  const failed = checks.find(({ status }) => status === 'fail');
  if (failed) throw new SetupFailure(failed.found, failed.remedies);
  for (const { name, status, found } of checks) if (status === 'warn') note(`${name} ${found}`);
  return checks.map(({ name, found }) => (name === 'Node.js' ? `Node.js ${found}` : found)).join('; ');
}

/**
 * @param {string} packageRoot
 * @param {NonNullable<import('./setup-arguments.mjs').SetupArguments['next']>} next
 * @param {NodeJS.ProcessEnv} env
 */
function runNext(packageRoot, { command, args }, env) {
  const programs = {
    test: [join(packageRoot, 'cli', 'setup', 'run-tests.mjs')],
    bench: [join(packageRoot, 'dist', 'test', 'bench', 'main.js')],
    demo: [join(packageRoot, 'cli', 'lockstep.mjs'), 'demo'],
  };
  return runAttached(process.execPath, [...programs[command], ...args], { env });
}

/** @returns {Promise<number>} exit status */
async function main() {
  const parsed = parseSetupArguments(process.argv.slice(2), process.env);
  if (parsed.kind !== 'run') {
    console[parsed.kind === 'help' ? 'log' : 'error'](parsed.kind === 'help' ? usage : `${parsed.problem}\n\n${usage}`);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const packageRoot = findPackageRoot();
  const { engine, next } = parsed.arguments;
  try {
    await setUp(packageRoot, engine);
  } catch (error) {
    console.error(
      `\nset-up stopped: ${error instanceof SetupFailure ? error.message : error instanceof Error ? error.stack : error}`,
    );
    // Whoever reads the summary of a test run must not take an absent one for success.
    if (next?.command === 'test') console.log('0 passed, 1 failed');
    return 1;
  }
  // Left unset when it is the default, so that a config file can still choose.
  const isChosen = engine === 'cpu' || process.env['LOCKSTEP_ENGINE'];
  return next ? runNext(packageRoot, next, { ...process.env, ...(isChosen ? { LOCKSTEP_ENGINE: engine } : {}) }) : 0;
}

process.exitCode = await main();
