import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Examination } from '../../cli/doctor.ts';
import { diagnose, formatChecks } from '../../cli/doctor.ts';

const healthy: Examination = {
  engine: 'tensorflow',
  machine: {
    nodeVersion: '22.11.0',
    platform: 'linux',
    arch: 'x64',
    glibcVersion: '2.36',
    cpuModel: 'Example CPU',
    cpuThreads: 4,
    cpuFlags: ['avx'],
    memoryBytes: 16e9,
    cacheDirectory: '/cache',
    cacheFreeBytes: 50e9,
  },
  tools: {
    python: { command: 'python3', version: '3.11.2' },
    pip: { command: 'python3 -m pip', version: '23.0.1' },
    compiler: { command: 'g++', version: '12.2.0' },
  },
  gpus: [],
  packagesInstalled: true,
  location: {
    state: 'linked',
    link: '/link',
    addon: '/cache/addon',
    manifest: { tensorflow: '2.21.0', accelerator: 'cpu', library: '/cache/tensorflow', builtAt: '' },
  },
  training: { ok: true, tensorflow: '2.21.0', gpu: false, milliseconds: 12 },
};

function statusOf(examination: Examination, name: string): string | undefined {
  return diagnose(examination).find((check) => check.name === name)?.status;
}

test('a machine that trains is healthy', () => {
  assert.ok(diagnose(healthy).every(({ status }) => status === 'ok'));
});

test('a missing compiler is a warning once the engine is built, a failure before', () => {
  const tools = { ...healthy.tools, compiler: undefined };
  assert.equal(statusOf({ ...healthy, tools }, 'C++ compiler'), 'warn');
  const unbuilt = { ...healthy, tools, location: { state: 'missing', link: '/link' } as const, training: undefined };
  assert.equal(statusOf(unbuilt, 'C++ compiler'), 'fail');
  assert.equal(statusOf(unbuilt, 'engine'), 'fail');
});

test('an engine that is there but does not train fails with what it said', () => {
  const broken = { ...healthy, training: { ok: false, reason: 'ended by signal 4' } as const };
  assert.equal(statusOf(broken, 'training'), 'fail');
  assert.match(formatChecks(diagnose(broken)), /^fail {2}training +one op did not train: ended by signal 4\n +do: /m);
});

test('a GPU that the engine leaves idle is a warning with the command that uses it', () => {
  const gpu = { index: 0, name: 'Example GPU', memoryBytes: 24 * 2 ** 30, freeBytes: 20 * 2 ** 30, driver: '550.1' };
  const check = diagnose({ ...healthy, gpus: [gpu] }).find(({ name }) => name === 'GPU 0');
  assert.equal(check?.status, 'warn');
  assert.match(check?.found ?? '', /Example GPU, 20\.0 of 24\.0 GiB free, driver 550\.1/);
  assert.match(check?.remedies[0] ?? '', /LOCKSTEP_ACCELERATOR=cuda npm run setup/);
});

test('the plain JavaScript engine needs no compiler and no library', () => {
  const location = { state: 'no-packages' } as const;
  const checks = diagnose({ ...healthy, engine: 'cpu', location, training: undefined });
  assert.ok(checks.every(({ status }) => status === 'ok'));
  assert.equal(
    checks.some(({ name }) => name === 'C++ compiler'),
    false,
  );
});
