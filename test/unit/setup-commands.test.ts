import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readNumbers } from '../../cli/setup/codegen.mjs';
import { parseGpus } from '../../cli/setup/gpus.mjs';
import { findMismatch } from '../../cli/setup/packages.mjs';
import { Steps } from '../../cli/setup/progress.mjs';
import { parseSetupArguments } from '../../cli/setup/setup-arguments.mjs';
import { TestTally } from '../../cli/setup/test-tally.mjs';
import { describeTransfer, proxyFor } from '../../shared/download/index.ts';

test('what follows --then belongs to that command, but --engine is for set-up too', () => {
  const parsed = parseSetupArguments(['--then', 'test', '--tier', 'unit', '--engine', 'cpu', 'a.test.ts'], {});
  assert.deepEqual(parsed, {
    kind: 'run',
    arguments: { engine: 'cpu', next: { command: 'test', args: ['--tier', 'unit', 'a.test.ts'] } },
  });
});

test('the engine comes from the command line, then the environment, then the default', () => {
  const engineOf = (argv: string[], env: NodeJS.ProcessEnv) => {
    const parsed = parseSetupArguments(argv, env);
    return parsed.kind === 'run' ? parsed.arguments.engine : parsed.kind;
  };
  assert.equal(engineOf(['--engine=tensorflow'], { LOCKSTEP_ENGINE: 'cpu' }), 'tensorflow');
  assert.equal(engineOf([], { LOCKSTEP_ENGINE: 'cpu' }), 'cpu');
  assert.equal(engineOf([], {}), 'tensorflow');
  assert.equal(engineOf([], { LOCKSTEP_ENGINE: 'gpu' }), 'refused');
});

test('unknown options and commands are refused by name', () => {
  assert.deepEqual(parseSetupArguments(['--fast'], {}), { kind: 'refused', problem: 'unknown option --fast' });
  assert.equal(parseSetupArguments(['--then', 'deploy'], {}).kind, 'refused');
  assert.equal(parseSetupArguments(['--then'], {}).kind, 'refused');
});

test('packages match when each locked one is there in its version; optional ones may be absent', () => {
  const locked = {
    '': { version: '0.1.0' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/win': { version: '2.0.0', optional: true },
  };
  const installed = { 'node_modules/a': { version: '1.0.0' } };
  assert.equal(
    findMismatch(locked, installed, () => true),
    undefined,
  );
  assert.equal(
    findMismatch(locked, {}, () => true),
    'node_modules/a',
  );
  assert.equal(
    findMismatch(locked, { 'node_modules/a': { version: '1.0.1' } }, () => true),
    'node_modules/a',
  );
  assert.equal(
    findMismatch(locked, installed, () => false),
    'node_modules/a',
  );
});

test('64-bit fields of generated code are read as checked numbers', () => {
  const source = readNumbers(
    'import $protobuf from "p";\nvalue = reader.uint64();\nx = $util.Long ? $util.Long.fromBits(0,0,true) : 0;',
  );
  assert.match(source, /value = \$safe\(reader\.uint64\(\)\);/);
  assert.match(source, /x = 0;/);
  assert.throws(() => readNumbers('const nothing = 1;'), /unexpected beginning/);
});

test('GPUs are read from the driver’s table', () => {
  const csv = '0, NVIDIA H100 80GB HBM3, 81559, 81000, 550.54.15\n1, NVIDIA L4, 23034, 22000, 550.54.15\n';
  const gpus = parseGpus(csv);
  assert.deepEqual(
    gpus.map(({ index, name }) => [index, name]),
    [
      [0, 'NVIDIA H100 80GB HBM3'],
      [1, 'NVIDIA L4'],
    ],
  );
  assert.equal(gpus[1]?.memoryBytes, 23034 * 2 ** 20);
  assert.deepEqual(parseGpus(''), []);
});

test('the proxy of the environment is used, except for hosts that it exempts', () => {
  const env = { https_proxy: 'http://user:secret@proxy:3128', NO_PROXY: 'localhost,.corp.example' };
  assert.equal(proxyFor(new URL('https://files.example/x'), env)?.host, 'proxy:3128');
  assert.equal(proxyFor(new URL('https://mirror.corp.example/x'), env), undefined);
  assert.equal(proxyFor(new URL('http://files.example/x'), env), undefined);
  assert.equal(proxyFor(new URL('http://files.example/x'), { ALL_PROXY: 'proxy:80' })?.hostname, 'proxy');
});

test('a log without a terminal gets one progress line in ten seconds', () => {
  const written: string[] = [];
  let now = 0;
  const out = { write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WritableStream;
  const steps = new Steps(2, { out, now: () => now });
  steps.start('TensorFlow');
  for (now = 0; now <= 25_000; now += 1000) steps.progress(`${now / 1000} s`);
  steps.done('built');
  steps.start('build');
  steps.done('up to date');
  assert.equal(
    written.join(''),
    '[1/2] TensorFlow … \n      10 s\n      20 s\n      built\n[2/2] build … up to date\n',
  );
});

test('a transfer says how far it is, in percent and per second', () => {
  const transfer = { doneBytes: 120e6, totalBytes: 240e6, startBytes: 20e6, seconds: 10 };
  assert.equal(describeTransfer(transfer), '120 of 240 MB, 50 %, 10.0 MB/s');
  assert.equal(describeTransfer({ ...transfer, totalBytes: undefined }), '120 MB, 10.0 MB/s');
});

test('the tally counts tests, not suites, names reasons of skips and fails when nothing ran', () => {
  const tally = new TestTally();
  assert.equal(tally.isSuccess, false);
  tally.pass({ name: 'one' });
  tally.pass({ name: 'a suite', details: { type: 'suite' } });
  tally.pass({ name: 'two', skip: 'no GPU here' });
  assert.equal(tally.isSuccess, true);
  const ofSubtests = Object.assign(new Error('1 subtest failed'), { failureType: 'subtestsFailed' });
  tally.fail({ name: 'three', details: { error: new Error('wrong') } });
  tally.fail({ name: 'a suite', details: { type: 'suite', error: ofSubtests } });
  assert.equal(tally.isSuccess, false);
  assert.match(tally.report(), /two: no GPU here/);
  assert.equal(tally.report().split('\n').at(-1), '1 passed, 1 failed, 1 skipped');
});
