import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { probeMachine } from '../../cli/setup/machine.mjs';
import { findPackageRoot } from '../../cli/setup/package-root.mjs';
import { providePython } from './python-environment.ts';
import { type RunnerCommand, RunnerProcess } from './runner-process.ts';
import {
  type FirstSteps,
  formatFirstSteps,
  formatReports,
  reportWorkload,
  type StepTimes,
  type WorkloadReport,
} from './step-report.ts';
import { batchRows, pythonPackages, type RunnerName, runnerNames, type Workload, workloads } from './workloads.ts';

export interface StepBenchmarkOptions {
  /** Timed steps of each library and workload. */
  readonly steps: number;
  readonly workloads: readonly string[];
  readonly runners: readonly string[];
  readonly json: boolean;
}

/** Each library takes its turn this often, so that a change in the machine's speed meets all of them. */
const ROUNDS = 6;

/** Steps at the beginning of a turn that aren't timed: they bring caches and clock back. */
const UNTIMED = 2;

const note = (line: string): void => console.error(`bench: ${line}`);

/** Compares training steps of all libraries on all workloads; prints a table, or one JSON object. */
export async function runStepBenchmark(options: StepBenchmarkOptions): Promise<void> {
  const skipped: Partial<Record<RunnerName, string>> = {};
  const versions: Partial<Record<RunnerName, string>> = {};
  const running: RunnerProcess[] = [];
  const stop = (): void => {
    for (const runner of running) void runner.close();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    for (const name of runnerNames.filter((runner) => options.runners.includes(runner))) {
      const command = await commandOf(name);
      if ('skip' in command) {
        skipped[name] = command.skip;
        note(`without ${name}: ${command.skip}`);
      } else running.push(new RunnerProcess(command));
    }
    const reports: WorkloadReport[] = [];
    for (const workload of workloads.filter(({ name }) => options.workloads.includes(name))) {
      const { loaded, firstSteps } = await loadAll(running, workload, versions, skipped);
      const times = await takeTurns(loaded, workload, options.steps);
      reports.push(reportWorkload(workload, times, firstSteps));
    }
    print(reports, { skipped, versions }, options);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await Promise.all(running.map((runner) => runner.close()));
  }
}

async function commandOf(name: RunnerName): Promise<RunnerCommand | { readonly skip: string }> {
  const program = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
  // Python runs the scripts from the source tree; the compiled one has only what TypeScript emits.
  const script = (file: string): string => join(findPackageRoot(), 'test', 'bench', 'peers', file);
  switch (name) {
    case 'lockstep':
      return { name, command: process.execPath, args: [program('./lockstep-runner.js')] };
    case 'tfjs-node':
      return { name, command: process.execPath, args: [program('./tfjs-node-runner.js')] };
    case 'keras':
    case 'pytorch': {
      const environment = await providePython(name, pythonPackages[name], note);
      return environment.state === 'missing'
        ? { skip: environment.reason }
        : { name, command: environment.python, args: [script(`${name}_steps.py`)] };
    }
  }
}

/** The runners that have the workload ready; one that can't is left out with its reason. */
async function loadAll(
  running: readonly RunnerProcess[],
  { name }: Workload,
  versions: Partial<Record<RunnerName, string>>,
  skipped: Partial<Record<RunnerName, string>>,
): Promise<{ loaded: RunnerProcess[]; firstSteps: FirstSteps }> {
  const loaded: RunnerProcess[] = [];
  const firstSteps: Partial<Record<RunnerName, number>> = {};
  for (const runner of running) {
    try {
      const request = { command: 'load', workload: name } as const;
      const { version, note: remark, firstStepMilliseconds } = await runner.ask(request, 'loaded');
      versions[runner.name] = version;
      firstSteps[runner.name] = firstStepMilliseconds;
      note(`${name}: ${runner.name} loaded${remark === undefined ? '' : ` (${remark})`}`);
      loaded.push(runner);
    } catch (error) {
      skipped[runner.name] = `${name}: ${error instanceof Error ? error.message : String(error)}`;
      note(`without ${runner.name} on ${skipped[runner.name]}`);
    }
  }
  return { loaded, firstSteps };
}

async function takeTurns(running: readonly RunnerProcess[], { name }: Workload, steps: number): Promise<StepTimes> {
  const times: Partial<Record<RunnerName, number[]>> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const runner of running) {
      const turn = { command: 'run', workload: name, untimed: UNTIMED, steps: Math.ceil(steps / ROUNDS) } as const;
      const { milliseconds } = await runner.ask(turn, 'ran');
      const all = times[runner.name] ?? [];
      all.push(...milliseconds);
      times[runner.name] = all;
    }
    note(`${name}: round ${round + 1} of ${ROUNDS}`);
  }
  return times;
}

function print(
  reports: readonly WorkloadReport[],
  about: { readonly skipped: object; readonly versions: object },
  { json }: StepBenchmarkOptions,
): void {
  const { cpuModel, cpuThreads, nodeVersion } = probeMachine();
  const titleOf = (name: string): string => workloads.find((workload) => workload.name === name)?.title ?? name;
  const table = `${formatReports(reports, titleOf)}\n\n${formatFirstSteps(reports)}`;
  const machine = `${cpuModel}, ${cpuThreads} threads, Node.js ${nodeVersion}`;
  const versions = Object.values(about.versions).join('; ');
  const title = `Training step, batch ${batchRows}, Adam, one worker, one thread, medians. ${machine}. ${versions}.`;
  if (!json) {
    console.log(`${title}\n\n${table}`);
    return;
  }
  console.error(`${title}\n\n${table}`);
  const setting = { batch: batchRows, threads: 1, optimizer: 'adam', rounds: ROUNDS };
  const description = { cpuModel, cpuThreads, nodeVersion };
  console.log(JSON.stringify({ benchmark: 'step', ...setting, machine: description, ...about, workloads: reports }));
}
