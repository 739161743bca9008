import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedPages } from '../../cli/generated-pages.ts';
import { findPackageRoot } from '../../cli/setup/package-root.mjs';
import { type Command, commands, envOf, optionNames, optionOf, resolveOptions } from '../../shared/config/index.ts';
import { LockstepError, nearest } from '../../shared/core/index.ts';

type Arguments = Parameters<typeof resolveOptions>;

function resolved<C extends Command>(command: C, flags: Arguments[1] = {}, env: Arguments[2] = {}, values?: object) {
  const file = values === undefined ? null : { path: 'lockstep.config.json', values: { ...values } };
  const options = resolveOptions(command, flags, env, file);
  if (options instanceof LockstepError) throw options;
  return options;
}

function refused(command: Command, flags: Arguments[1] = {}, env: Arguments[2] = {}, values?: object): LockstepError {
  const file = values === undefined ? null : { path: 'lockstep.config.json', values: { ...values } };
  const error = resolveOptions(command, flags, env, file);
  assert.ok(error instanceof LockstepError, 'expected a refusal');
  return error;
}

test('an option nobody gave has its default', () => {
  const options = resolved('train');
  assert.equal(options.workers, 1);
  assert.equal(options.epochs, null);
  assert.equal(options.out, 'lockstep-out');
  assert.equal(resolved('demo').workers, 2);
});

test('a flag wins over the environment, which wins over the file, which wins over the default', () => {
  const env = { LOCKSTEP_MAX_STEPS: '20' };
  const file = { maxSteps: 30 };
  assert.equal(resolved('train', { maxSteps: '10' }, env, file).maxSteps, 10);
  assert.equal(resolved('train', {}, env, file).maxSteps, 20);
  assert.equal(resolved('train', {}, {}, file).maxSteps, 30);
});

test('an empty environment variable counts as absent', () => {
  assert.equal(resolved('train', {}, { LOCKSTEP_SEED: '' }, { seed: 5 }).seed, 5);
});

test('a switch can be turned off by a flag where the environment or the file turned it on', () => {
  assert.equal(resolved('train', {}, { LOCKSTEP_JSON: 'yes' }).json, true);
  assert.equal(resolved('train', {}, {}, { json: true }).json, true);
  assert.equal(resolved('train', { json: false }, { LOCKSTEP_JSON: '1' }).json, false);
});

test('Kubernetes’ completion index is the worker’s index unless Lockstep’s own variable says otherwise', () => {
  const flags = { coordinator: 'c:4600' };
  assert.equal(resolved('worker', flags, { JOB_COMPLETION_INDEX: '3' }).index, 3);
  assert.equal(resolved('worker', flags, { JOB_COMPLETION_INDEX: '3', LOCKSTEP_INDEX: '4' }).index, 4);
});

test('sizes can be written with units, in every place', () => {
  assert.equal(resolved('train', { bucketBytes: '8MiB' }).bucketBytes, 8 * 2 ** 20);
  assert.equal(resolved('train', {}, {}, { segmentBytes: '512KiB' }).segmentBytes, 512 * 2 ** 10);
});

test('a bad value is refused with its place, what was given and what is expected', () => {
  const cases: [LockstepError, string][] = [
    [refused('train', { workers: '0' }), '--workers 0: expected a whole number from 1 to 4096'],
    [refused('train', { workers: '2.5' }), '--workers 2.5: expected a whole number from 1 to 4096'],
    [refused('train', {}, { LOCKSTEP_SEED: '-1' }), 'LOCKSTEP_SEED=-1: expected a whole number of at least 0'],
    [refused('train', {}, { LOCKSTEP_JSON: 'maybe' }), 'LOCKSTEP_JSON=maybe: expected true or false'],
    [
      refused('train', {}, {}, { workers: '2' }),
      'lockstep.config.json: "workers": "2": expected a whole number from 1 to 4096',
    ],
    [refused('train', { engine: 'torch' }), '--engine torch: expected one of tensorflow, cpu'],
    [
      refused('worker', { coordinator: 'host' }),
      '--coordinator host: expected HOST:PORT with a port from 1 to 65535, such as trainer-0:4600',
    ],
  ];
  for (const [error, message] of cases) {
    assert.equal(error.code, 'config/invalid');
    assert.equal(error.message, message);
  }
});

test('every option of every command refuses a value of no sense, naming its flag', () => {
  for (const name of optionNames) {
    const option = optionOf(name);
    // A text takes anything but nothing at all.
    const nonsense =
      option.value.fromText('\u0000') === '\u0000' && option.value.schema.safeParse('x').success ? '' : '?!';
    for (const command of option.commands) {
      const error = refused(command, {
        coordinator: 'c:1',
        model: 'm',
        hosts: 'h',
        out: 'o',
        format: 'keras',
        [name]: nonsense,
      });
      assert.equal(error.details['option'], name, `${command} ${name}`);
    }
  }
});

test('a file is checked whole, also for options of other commands', () => {
  assert.equal(refused('doctor', {}, {}, { workers: 0 }).details['option'], 'workers');
  assert.doesNotThrow(() => resolved('doctor', {}, {}, { workers: 3 }));
});

test('an unknown key of the file is refused with the nearest known one', () => {
  const error = refused('train', {}, {}, { wrokers: 2 });
  assert.equal(error.code, 'config/unknown');
  assert.equal(error.message, 'lockstep.config.json: unknown key "wrokers"; did you mean "workers"?');
});

test('a missing option that a command needs is refused with the ways to give it', () => {
  assert.match(refused('worker').message, /^--coordinator is missing: .*LOCKSTEP_COORDINATOR.*"coordinator"/);
  assert.match(refused('evaluate').message, /^--model is missing/);
});

test('a secret is not repeated in a message', () => {
  const error = refused('worker', { coordinator: 'c:1' }, {}, { runToken: 12345 });
  assert.equal(error.details['option'], 'runToken');
  assert.ok(!error.message.includes('12345'));
});

test('a listener beyond loopback needs TLS or the word insecure', () => {
  for (const listen of ['0.0.0.0:4600', '[::]:4600', '10.0.0.5:0', 'trainer-0:4600']) {
    assert.equal(refused('coordinator', { listen }).code, 'config/insecure');
    assert.equal(resolved('coordinator', { listen, insecure: true }).listen, listen);
    assert.equal(resolved('coordinator', { listen, tlsCa: 'a', tlsCert: 'b', tlsKey: 'c' }).listen, listen);
  }
  for (const listen of ['127.0.0.1:4600', 'localhost:0', '[::1]:4600', '127.5.5.5:1']) {
    assert.equal(resolved('coordinator', { listen }).listen, listen);
  }
  assert.equal(refused('worker', { coordinator: 'c:1', peerListen: '0.0.0.0:0' }).code, 'config/insecure');
});

test('options that contradict each other are refused', () => {
  assert.match(refused('train', { workers: '3', replicas: '2' }).message, /2 replicas for 3 workers/);
  assert.match(refused('train', { workers: '3', batchSize: '32' }).message, /give a multiple of 3/);
  assert.match(refused('train', { replicas: '6', batchSize: '32' }).message, /give a multiple of 6/);
  assert.match(
    refused('train', { heartbeatIntervalMs: '500', heartbeatTimeoutMs: '1000' }).message,
    /more than 1000 ms/,
  );
  assert.match(refused('train', { workers: '4', metricsPort: '65533' }).message, /no room/);
  assert.match(refused('coordinator', { tlsCa: 'ca.pem' }).message, /TLS needs all of/);
});

test('names of options differ as flags and as environment variables', () => {
  assert.equal(new Set(optionNames.map(envOf)).size, optionNames.length);
  assert.equal(envOf('heartbeatTimeoutMs'), 'LOCKSTEP_HEARTBEAT_TIMEOUT_MS');
});

test('slips lead to the nearest name and nonsense to none', () => {
  assert.equal(nearest('--wrokers', ['--workers', '--replicas']), '--workers');
  assert.equal(nearest('evalute', commands), 'evaluate');
  assert.equal(nearest('xyzzy', commands), undefined);
});

test('the generated pages of docs are what the sources generate (npm run docs)', () => {
  for (const [name, text] of Object.entries(generatedPages())) {
    assert.equal(readFileSync(join(findPackageRoot(), 'docs', name), 'utf8'), text, `docs/${name}`);
  }
});

test('a loop of one’s own is refused a wire that would not be used, a job is not', () => {
  for (const error of [
    refused('run', { wire: 'top-k:0.1' }),
    refused('coordinator', { mode: 'loop', wire: 'bfloat16' }),
  ]) {
    assert.equal(error.code, 'config/invalid');
    assert.match(error.message, /--wire: (top-k:0.1|bfloat16) is for gradients of `lockstep train`/);
  }
  assert.equal(resolved('run', { wire: 'float32' }).wire, 'float32');
  assert.equal(resolved('train', { wire: 'top-k:0.1' }).wire, 'top-k:0.1');
});
