import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Check } from '../../cli/setup/checks.mjs';
import { checkBuildTools, checkMachine, isOlder } from '../../cli/setup/checks.mjs';
import type { BuildTools, Machine } from '../../cli/setup/machine.mjs';

const machine: Machine = {
  nodeVersion: '22.11.0',
  platform: 'linux',
  arch: 'x64',
  glibcVersion: '2.36',
  cpuModel: 'Example CPU',
  cpuThreads: 4,
  cpuFlags: ['sse4_2', 'avx', 'avx2'],
  memoryBytes: 16e9,
  cacheDirectory: '/home/someone/.cache/lockstep',
  cacheFreeBytes: 50e9,
};

const tools: BuildTools = {
  python: { command: 'python3', version: '3.11.2' },
  pip: { command: 'python3 -m pip', version: '23.0.1' },
  compiler: { command: 'g++', version: '12.2.0' },
};

const needs = { download: true, neededBytes: 1.5e9 };

/** The only failure among the checks, as its user reads it. */
function failureOf(checks: Check[]): string {
  const failed = checks.filter(({ status }) => status === 'fail');
  assert.equal(failed.length, 1, `expected one failure: ${JSON.stringify(checks)}`);
  return [failed[0]?.found, ...(failed[0]?.remedies ?? [])].join('\n');
}

test('a machine with everything passes every check', () => {
  const checks = [...checkMachine(machine, 'tensorflow'), ...checkBuildTools(machine, tools, needs)];
  assert.deepEqual(new Set(checks.map(({ status }) => status)), new Set(['ok']));
});

test('Node.js before 20.15 is refused, 20.15 is accepted', () => {
  const failure = failureOf(checkMachine({ ...machine, nodeVersion: '20.14.0' }, 'tensorflow'));
  assert.match(failure, /Node\.js 20\.14\.0 is too old.*\n.*install Node\.js 24, 22 or 20/);
  assert.equal(checkMachine({ ...machine, nodeVersion: '20.15.0' }, 'tensorflow')[0]?.status, 'ok');
});

test('an untested Node.js is a warning', () => {
  for (const nodeVersion of ['21.7.0', '23.1.0', '26.0.0']) {
    assert.equal(checkMachine({ ...machine, nodeVersion }, 'tensorflow')[0]?.status, 'warn');
  }
});

test('musl is refused with the engine that works there', () => {
  const failure = failureOf(checkMachine({ ...machine, glibcVersion: undefined }, 'tensorflow'));
  assert.match(failure, /musl/);
  assert.match(failure, /--engine cpu/);
});

test('other platforms and old glibc are refused', () => {
  assert.match(
    failureOf(checkMachine({ ...machine, platform: 'darwin', arch: 'arm64' }, 'tensorflow')),
    /darwin arm64/,
  );
  assert.match(failureOf(checkMachine({ ...machine, glibcVersion: '2.17' }, 'tensorflow')), /glibc 2\.17 is older/);
});

test('a CPU without AVX is refused on x64 only', () => {
  assert.match(failureOf(checkMachine({ ...machine, cpuFlags: ['sse4_2'] }, 'tensorflow')), /no AVX/);
  const arm = checkMachine({ ...machine, arch: 'arm64', cpuFlags: ['asimd'] }, 'tensorflow');
  assert.ok(arm.every(({ status }) => status === 'ok'));
});

test('the plain JavaScript engine asks only for Node.js', () => {
  const checks = checkMachine({ ...machine, platform: 'darwin', glibcVersion: undefined, cpuFlags: [] }, 'cpu');
  assert.deepEqual(
    checks.map(({ name, status }) => [name, status]),
    [['Node.js', 'ok']],
  );
});

test('a missing compiler names the package to install', () => {
  const failure = failureOf(checkBuildTools(machine, { ...tools, compiler: undefined }, needs));
  assert.match(failure, /no C\+\+ compiler/);
  assert.match(failure, /apt-get install g\+\+/);
});

test('a missing pip names the package to install and the way without it', () => {
  const failure = failureOf(checkBuildTools(machine, { ...tools, pip: undefined }, needs));
  assert.match(failure, /^pip is missing\n.*apt-get install python3-pip/);
  assert.match(failure, /LOCKSTEP_LIBTENSORFLOW/);
});

test('a pip too old for the wheels is refused with the command that upgrades it', () => {
  const old = { ...tools, pip: { command: 'python3 -m pip', version: '20.0.2' } };
  assert.match(failureOf(checkBuildTools(machine, old, needs)), /pip 20\.0\.2 is too old.*\n.*--upgrade pip/);
});

test('Python and pip are needed only to download', () => {
  const bare = { ...tools, python: undefined, pip: undefined };
  const checks = checkBuildTools(machine, bare, { download: false, neededBytes: 5e7 });
  assert.ok(checks.every(({ status }) => status === 'ok'));
  assert.match(
    checkBuildTools(machine, bare, needs).find(({ status }) => status === 'fail')?.found ?? '',
    /python3 is missing/,
  );
});

test('a full disk says how much is needed and where', () => {
  const failure = failureOf(checkBuildTools({ ...machine, cacheFreeBytes: 1e9 }, tools, needs));
  assert.match(failure, /1\.0 GB free in \/home\/someone\/\.cache\/lockstep, 1\.5 GB are needed/);
  assert.match(failureOf(checkBuildTools({ ...machine, cacheFreeBytes: undefined }, tools, needs)), /LOCKSTEP_CACHE/);
});

test('versions are compared number by number', () => {
  assert.ok(isOlder('2.9', '2.27'));
  assert.ok(isOlder('20.3', '20.3.1'));
  assert.ok(!isOlder('23.0.1', '20.3'));
  assert.ok(!isOlder('2.27', '2.27'));
});
