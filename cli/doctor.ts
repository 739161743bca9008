import type { Check, EngineName } from './setup/checks.mjs';
import { checkBuildTools, checkMachine } from './setup/checks.mjs';
import type { EngineLocation } from './setup/engine-location.mjs';
import { locateEngine } from './setup/engine-location.mjs';
import { fallbacks } from './setup/failure.mjs';
import type { Gpu } from './setup/gpus.mjs';
import { probeGpus } from './setup/gpus.mjs';
import type { BuildTools, Machine } from './setup/machine.mjs';
import { probeBuildTools, probeMachine } from './setup/machine.mjs';
import { findPackageRoot } from './setup/package-root.mjs';
import { arePackagesInstalled } from './setup/packages.mjs';
import type { SmokeTest } from './setup/smoke-test.mjs';
import { smokeTest } from './setup/smoke-test.mjs';

/** What doctor looked at; the checks are computed from it. */
export interface Examination {
  readonly engine: EngineName;
  readonly machine: Machine;
  readonly tools: BuildTools;
  readonly gpus: readonly Gpu[];
  readonly packagesInstalled: boolean;
  readonly location: EngineLocation;
  /** Undefined when there is no engine to try. */
  readonly training: SmokeTest | undefined;
}

/**
 * Prints what set-up checks, the devices of this machine, and whether the engine trains.
 * @returns exit status: 0 when lockstep can train here, with or without warnings
 */
export async function doctor(options: { json: boolean }): Promise<number> {
  const examination = await examine(process.env['LOCKSTEP_ENGINE'] === 'cpu' ? 'cpu' : 'tensorflow');
  const checks = diagnose(examination);
  const isHealthy = checks.every(({ status }) => status !== 'fail');
  console.log(options.json ? JSON.stringify({ ok: isHealthy, checks, gpus: examination.gpus }) : formatChecks(checks));
  return isHealthy ? 0 : 1;
}

async function examine(engine: EngineName): Promise<Examination> {
  const packageRoot = findPackageRoot();
  const location = locateEngine(packageRoot);
  const isInstalled = location.state === 'linked' || location.state === 'foreign';
  const [tools, gpus, training] = await Promise.all([
    probeBuildTools(),
    probeGpus(),
    engine === 'tensorflow' && isInstalled ? smokeTest(packageRoot) : undefined,
  ]);
  const packagesInstalled = arePackagesInstalled(packageRoot);
  return { engine, machine: probeMachine(), tools, gpus, packagesInstalled, location, training };
}

export function diagnose(examination: Examination): Check[] {
  const { engine, machine, tools, gpus, packagesInstalled, location } = examination;
  const packages: Check = packagesInstalled
    ? { name: 'npm packages', status: 'ok', found: 'as package-lock.json names them', remedies: [] }
    : { name: 'npm packages', status: 'fail', found: 'missing or of other versions', remedies: ['run: npm run setup'] };
  const memory = `${(machine.memoryBytes / 1e9).toFixed(1)} GB`;
  const checks: Check[] = [
    ...checkMachine(machine, engine),
    { name: 'memory', status: 'ok', found: memory, remedies: [] },
    ...gpus.map((gpu) => describeGpu(gpu, location)),
    packages,
  ];
  if (engine === 'cpu') {
    return [...checks, { name: 'engine', status: 'ok', found: 'cpu: plain JavaScript, nothing native', remedies: [] }];
  }
  const engineChecks = [describeLocation(location), ...describeTraining(examination)];
  const isBuilt = engineChecks.every(({ status }) => status === 'ok');
  const buildChecks = checkBuildTools(machine, tools, { download: true, neededBytes: isBuilt ? 0 : 1.5e9 });
  // With a working engine, what only its build needs is no failure.
  return [...checks, ...buildChecks.map((check) => (isBuilt ? softened(check) : check)), ...engineChecks];
}

function softened(check: Check): Check {
  return check.status === 'fail' ? { ...check, status: 'warn' } : check;
}

function describeGpu(gpu: Gpu, location: EngineLocation): Check {
  const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);
  const found = `${gpu.name}, ${gigabytes(gpu.freeBytes)} of ${gigabytes(gpu.memoryBytes)} GiB free, driver ${gpu.driver}`;
  const isUsed = location.state !== 'linked' || location.manifest.accelerator !== 'cpu';
  return isUsed
    ? { name: `GPU ${gpu.index}`, status: 'ok', found, remedies: [] }
    : {
        name: `GPU ${gpu.index}`,
        status: 'warn',
        found: `${found}; the engine here is for the CPU and leaves it idle`,
        remedies: ['run: LOCKSTEP_ACCELERATOR=cuda npm run setup'],
      };
}

function describeLocation(location: EngineLocation): Check {
  const name = 'engine';
  switch (location.state) {
    case 'linked': {
      const { tensorflow, accelerator, library } = location.manifest;
      const found = `TensorFlow ${tensorflow ?? 'as given'} (${accelerator}), ${library}`;
      return { name, status: 'ok', found, remedies: [] };
    }
    case 'foreign':
      return {
        name,
        status: 'warn',
        found: `${location.link} was not built by set-up`,
        remedies: ['delete it and run: npm run setup'],
      };
    case 'missing':
      return {
        name,
        status: 'fail',
        found: `not built: ${location.link} leads nowhere`,
        remedies: ['run: npm run setup', fallbacks.cpuEngine],
      };
    case 'no-packages':
      return { name, status: 'fail', found: 'its npm package is not installed', remedies: ['run: npm run setup'] };
  }
}

function describeTraining({ training, location }: Examination): Check[] {
  const name = 'training';
  if (training === undefined) return [];
  if (!training.ok) {
    const remedies = ['delete the engine from the cache and run: npm run setup', fallbacks.cpuEngine];
    return [{ name, status: 'fail', found: `one op did not train: ${training.reason}`, remedies }];
  }
  const where = training.gpu ? 'a GPU' : 'the CPU';
  const found = `TensorFlow ${training.tensorflow} trained one op on ${where} in ${training.milliseconds.toFixed(0)} ms`;
  if (location.state === 'linked' && location.manifest.accelerator === 'cuda' && !training.gpu) {
    const remedies = ['check the driver with nvidia-smi, and that CUDA_VISIBLE_DEVICES does not hide the GPUs'];
    return [{ name, status: 'warn', found: `${found}, although the engine is for CUDA`, remedies }];
  }
  return [{ name, status: 'ok', found, remedies: [] }];
}

export function formatChecks(
  checks: readonly Readonly<Omit<Check, 'remedies'> & { remedies: readonly string[] }>[],
): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const indent = ' '.repeat(width + 8);
  const lines = checks.flatMap(({ name, status, found, remedies }) => [
    `${status.padEnd(4)}  ${name.padEnd(width)}  ${found.replaceAll('\n', `\n${indent}`)}`,
    ...remedies.map((remedy, index) => `${indent}${index === 0 ? 'do:' : 'or:'} ${remedy}`),
  ]);
  return lines.join('\n');
}
