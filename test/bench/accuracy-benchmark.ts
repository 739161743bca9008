import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTable } from '../../cli/allreduce/index.ts';
import { probeMachine } from '../../cli/setup/machine.mjs';
import { findPackageRoot } from '../../cli/setup/package-root.mjs';
import { lastLines, runCommand } from '../../cli/setup/run-command.mjs';
import { train } from '../../index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import {
  type AccuracyReport,
  type AccuracyRun,
  type AccuracyWorkload,
  accuracyTable,
  accuracyWorkloads,
  reportAccuracy,
} from './accuracy-report.ts';
import { providePython } from './python-environment.ts';
import { pythonPackages } from './workloads.ts';

export interface AccuracyFlags {
  readonly workloads: string;
  readonly data: string;
  readonly samples?: string;
  readonly epochs: string;
  readonly seeds: string;
  readonly json: boolean;
}

interface AccuracyOptions {
  readonly workloads: readonly AccuracyWorkload[];
  /** Directory with `cifar-10-batches-bin` and `reuters-r8`. */
  readonly data: string;
  /** Of the training data; null for the workload's own. */
  readonly samples: number | null;
  readonly epochs: number;
  readonly seeds: number;
  readonly json: boolean;
}

const WORKERS = 2;

const folderOf: Readonly<Record<AccuracyWorkload, string>> = { cifar10: 'cifar-10-batches-bin', reuters: 'reuters-r8' };

/** So that ten epochs from three seeds, in both libraries, take less than 20 minutes on two cores. Reuters is small. */
const samplesOf: Readonly<Record<AccuracyWorkload, number>> = { cifar10: 8000, reuters: 5485 };

const note = (line: string): void => console.error(`bench: ${line}`);

/** @throws LockstepError config/invalid, data/missing */
export function readAccuracyOptions({ data, json, ...flags }: AccuracyFlags): AccuracyOptions {
  const count = (name: 'samples' | 'epochs' | 'seeds', text: string): number => {
    if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
    throw new LockstepError('config/invalid', `--${name} ${text}: expected a whole number from 1`);
  };
  const workloads = flags.workloads.split(',').map((name) => {
    const known = accuracyWorkloads.find((workload) => workload === name);
    if (known !== undefined) return known;
    throw new LockstepError('config/invalid', `--workloads ${name}: expected some of ${accuracyWorkloads.join(',')}`);
  });
  for (const workload of workloads) {
    const folder = join(data, folderOf[workload]);
    if (!existsSync(folder)) throw new LockstepError('data/missing', `--data: there is no ${folder}`);
  }
  const samples = flags.samples === undefined ? null : count('samples', flags.samples);
  return { workloads, data, samples, epochs: count('epochs', flags.epochs), seeds: count('seeds', flags.seeds), json };
}

/** Trains the chapter's networks on real data from several seeds, Lockstep and Keras in turns, and prints a table. */
export async function runAccuracyBenchmark(options: AccuracyOptions): Promise<void> {
  const environment = await providePython('keras', pythonPackages.keras, note);
  const python = environment.state === 'ready' ? environment.python : null;
  if (environment.state === 'missing') note(`without Keras: ${environment.reason}`);
  const reports: AccuracyReport[] = [];
  for (const workload of options.workloads) reports.push(await measure(workload, options, python));
  const { cpuModel, cpuThreads, nodeVersion } = probeMachine();
  const title =
    `Lockstep on ${WORKERS} workers of one thread, Keras in one process with all cores, Adam, batches of 32, ` +
    `${options.epochs} epochs. ${cpuModel}, ${cpuThreads} threads, Node.js ${nodeVersion}.`;
  (options.json ? console.error : console.log)(`${title}\n\n${formatTable(...accuracyTable(reports))}`);
  if (options.json) console.log(JSON.stringify({ benchmark: 'accuracy', workers: WORKERS, reports }));
}

async function measure(
  workload: AccuracyWorkload,
  options: AccuracyOptions,
  python: string | null,
): Promise<AccuracyReport> {
  const samples = options.samples ?? samplesOf[workload];
  const { epochs } = options;
  const lockstep: AccuracyRun[] = [];
  const keras: AccuracyRun[] = [];
  for (let seed = 1; seed <= options.seeds; seed++) {
    const work = { workload, data: options.data, samples, epochs, seed };
    lockstep.push(tell('Lockstep', workload, await trainLockstep(work)));
    if (python !== null) keras.push(tell('Keras', workload, await trainKeras(python, work)));
  }
  return reportAccuracy({ workload, samples, epochs, lockstep, keras });
}

function tell(library: string, workload: AccuracyWorkload, run: AccuracyRun): AccuracyRun {
  const accuracy = (100 * run.accuracy).toFixed(2);
  note(`${workload}: ${library}, seed ${run.seed}: test accuracy ${accuracy} % in ${run.wallSeconds.toFixed(1)} s`);
  return run;
}

interface Work {
  readonly workload: AccuracyWorkload;
  readonly data: string;
  readonly samples: number;
  readonly epochs: number;
  readonly seed: number;
}

async function trainLockstep({ workload, data, samples, epochs, seed }: Work): Promise<AccuracyRun> {
  const out = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  const job = join(findPackageRoot(), 'test', 'bench', 'jobs', `accuracy-${workload}.ts`);
  process.env['LOCKSTEP_BENCH_SAMPLES'] = String(samples);
  try {
    const start = performance.now();
    const result = await train(job, { workers: WORKERS, epochs, seed, out, data: join(data, folderOf[workload]) });
    const wallSeconds = (performance.now() - start) / 1e3;
    const trainSeconds = result.history.reduce((sum, epoch) => sum + epoch.seconds, 0);
    return { seed, accuracy: Number(result.test?.['accuracy']), trainSeconds, wallSeconds };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

async function trainKeras(python: string, { workload, data, samples, epochs, seed }: Work): Promise<AccuracyRun> {
  const script = join(findPackageRoot(), 'test', 'bench', 'peers', 'keras_accuracy.py');
  const start = performance.now();
  const ended = await runCommand(python, [script, workload, data, ...[samples, epochs, seed].map(String)]);
  const wallSeconds = (performance.now() - start) / 1e3;
  if (ended.code !== 0) throw new Error(`Keras ended with code ${ended.code}: ${lastLines(ended)}`);
  const told = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as Pick<
    AccuracyRun,
    'accuracy' | 'trainSeconds'
  >;
  return { seed, accuracy: told.accuracy, trainSeconds: told.trainSeconds, wallSeconds };
}
