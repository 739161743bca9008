import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coveragePage, gaps } from '../support/coverage-page.ts';
import type { Finding } from '../support/coverage-record.ts';
import { repositoryRoot } from '../support/repository.ts';

/**
 * `npm run coverage-table`: runs the tests that prove rows of docs/coverage.md, and writes it from what they found; with
 * `-- FILE`, from what tests that ran elsewhere with LOCKSTEP_COVERAGE=FILE found.
 * Exit status 1 where anything is missing or failed; the page then says so, too.
 */
const tests = [
  'integration/coverage-training',
  'integration/example-architectures',
  'integration/loop',
  'parity/keras-layers',
  'parity/keras-eager',
  'parity/keras-compiled',
  'parity/keras-families',
];

/** Runs the tests; each appends what it found to `file`. */
function find(file: string): void {
  writeFileSync(file, '');
  // One after the other: most start several processes.
  for (const name of tests) {
    const path = join(repositoryRoot, 'dist', 'test', `${name}.test.js`);
    const env = { ...process.env, LOCKSTEP_COVERAGE: file };
    const { status } = spawnSync(process.execPath, ['--test', '--test-reporter', 'dot', path], {
      env,
      stdio: 'inherit',
    });
    console.log(`${name}: ${status === 0 ? 'passed' : `failed (exit status ${status})`}`);
    if (status !== 0) process.exitCode = 1;
  }
}

function writePage(file: string): void {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const findings = lines.map((line) => JSON.parse(line) as Finding);
  writeFileSync(join(repositoryRoot, 'docs', 'coverage.md'), coveragePage(findings));
  const unproved = gaps(findings);
  console.log(`wrote docs/coverage.md: ${findings.length} findings, ${unproved.length} gaps`);
  for (const gap of unproved) console.error(gap);
  if (unproved.length > 0) process.exitCode = 1;
}

const given = process.argv[2];
if (given !== undefined) writePage(given);
else {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-coverage-'));
  try {
    const file = join(directory, 'findings.jsonl');
    find(file);
    writePage(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
