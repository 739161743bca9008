import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'lockstep-usage-'));
after(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, 'job.ts'), 'export {};\n');
mkdirSync(join(directory, 'configs'));
for (const [name, text] of Object.entries({
  'torn.json': '{ "workers": ',
  'list.json': '[]',
  'slip.json': '{ "bathSize": 12 }',
  'wrong.json': '{ "epochs": "many" }',
})) {
  writeFileSync(join(directory, 'configs', name), text);
}

function lockstep(args: string[], env: Record<string, string> = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKSTEP_'));
  const options = { cwd: directory, env: { ...Object.fromEntries(inherited), ...env }, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, [program, ...args], options);
}

const badUsage: [string, string[], RegExp, Record<string, string>?][] = [
  ['an unknown command', ['trian'], /config\/unknown: unknown command trian; did you mean train\?/],
  [
    'an unknown option',
    ['train', 'job.ts', '--wrokers', '2'],
    /config\/unknown: .*--wrokers; did you mean --workers\?/,
  ],
  ['an option of another command', ['worker', 'job.ts', '--workers', '2'], /config\/unknown: unknown option --workers/],
  [
    'a value out of range',
    ['train', 'job.ts', '--workers', '0'],
    /config\/invalid: --workers 0: expected a whole number/,
  ],
  ['a value left out', ['train', 'job.ts', '--workers'], /config\/invalid: .*--workers.* argument missing/],
  ['a bad variable', ['train', 'job.ts'], /config\/invalid: LOCKSTEP_EPOCHS=x: expected/, { LOCKSTEP_EPOCHS: 'x' }],
  ['a torn file', ['train', 'job.ts', '--config', 'configs/torn.json'], /configs\/torn\.json: not valid JSON/],
  ['a file that is no object', ['train', 'job.ts', '--config', 'configs/list.json'], /expected one JSON object/],
  ['an unknown key in a file', ['train', 'job.ts', '--config', 'configs/slip.json'], /did you mean "batchSize"\?/],
  ['a bad value in a file', ['train', 'job.ts', '--config', 'configs/wrong.json'], /wrong\.json: "epochs": "many"/],
  ['a file that is not there', ['train', 'job.ts', '--config', 'none.json'], /--config none\.json: cannot be read/],
  ['a job file that is not there', ['train', 'none.ts'], /job\/not-found: none\.ts is no file/],
  [
    'a data directory that is not there',
    ['train', 'job.ts', '--data', 'none'],
    /config\/invalid: --data none is no directory/,
  ],
  [
    'a model that is not there',
    ['evaluate', 'job.ts', '--model', 'none'],
    /config\/invalid: --model none does not exist/,
  ],
  [
    'a model to predict with that is not there',
    ['predict', 'job.ts', '--model', 'none'],
    /config\/invalid: --model none does not exist/,
  ],
  [
    'an output directory under a file',
    ['train', 'job.ts', '--out', 'job.ts/out'],
    /config\/invalid: --out job\.ts\/out /,
  ],
  [
    'a worker’s output directory under a file',
    ['worker', 'job.ts', '--coordinator', '127.0.0.1:1', '--out', 'job.ts/out'],
    /config\/invalid: --out job\.ts\/out .*ENOTDIR/,
  ],
  [
    'a coordinator’s output directory in the place of a file',
    ['coordinator', '--out', 'job.ts', '--listen', '127.0.0.1:0'],
    /config\/invalid: --out job\.ts .*ENOTDIR/,
  ],
  ['no job file', ['train'], /config\/invalid: missing required argument 'job\.ts'/],
  ['a worker without a coordinator', ['worker', 'job.ts'], /config\/invalid: --coordinator is missing/],
  ['an evaluation without a model', ['evaluate', 'job.ts'], /config\/invalid: --model is missing/],
  ['an open listener without TLS', ['coordinator', '--listen', '0.0.0.0:0'], /config\/insecure: --listen 0\.0\.0\.0:0/],
  [
    'certificates that are not there',
    ['coordinator', '--tls-ca', 'a', '--tls-cert', 'b', '--tls-key', 'c'],
    /config\/invalid: the TLS CA certificate a cannot be read/,
  ],
  [
    'a batch that replicas do not divide',
    ['train', 'job.ts', '--replicas', '3', '--batch-size', '32'],
    /multiple of 3/,
  ],
];

for (const [what, args, message, env] of badUsage) {
  test(`${what} is one line of error, exit code 2, and nothing written`, () => {
    const before = readdirSync(directory);
    const { status, stdout, stderr } = lockstep(args, env);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
    assert.ok(stderr.startsWith('error: '));
    assert.equal(stdout, '');
    assert.equal(status, 2);
    assert.deepEqual(readdirSync(directory), before);
  });
}

test('help is for reading: it goes to standard output and succeeds', () => {
  for (const command of ['train', 'evaluate', 'predict', 'coordinator', 'worker', 'demo', 'doctor']) {
    const { status, stdout } = lockstep([command, '--help']);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^Usage: lockstep ${command} `));
  }
  assert.match(lockstep(['--help']).stdout, /lockstep demo/);
});

test('no command at all shows the help as an error', () => {
  const { status, stderr } = lockstep([]);
  assert.equal(status, 2);
  assert.match(stderr, /^Usage: lockstep /);
});
