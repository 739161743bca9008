import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { coveragePage, gaps, markOf } from '../support/coverage-page.ts';
import type { Finding } from '../support/coverage-record.ts';
import {
  architectures,
  type CoverageKind,
  coverageRows,
  modelFamilies,
  type Proof,
  proofs,
} from '../support/coverage-rows.ts';
import { repositoryRoot } from '../support/repository.ts';

const everything: Finding[] = (Object.keys(coverageRows) as CoverageKind[]).flatMap((kind) =>
  coverageRows[kind].flatMap((row) =>
    (Object.keys(proofs) as Proof[]).map((proof) => ({ kind, row, proof, ok: true })),
  ),
);

test('docs/coverage.md has every row of the tables in code, and every one is proved', () => {
  const page = readFileSync(join(repositoryRoot, 'docs', 'coverage.md'), 'utf8');
  assert.equal(page, coveragePage(everything), 'npm run coverage-table writes it anew');
});

test('a row that no test proved is missing, and one that failed once has failed', () => {
  const [first, ...others] = everything as [Finding, ...Finding[]];
  assert.deepEqual(gaps(everything), []);
  assert.deepEqual(gaps(others), [`${first.kind}: ${first.row}: ${proofs[first.proof]} missing`]);
  const failed = [...everything, { ...first, ok: false }];
  assert.equal(markOf(failed, first.kind, first.row, first.proof), 'failed');
  assert.match(coveragePage(failed), /\| failed \|/);
  assert.match(coveragePage(others), /\| missing \|/);
});

test('every example that a row names is there', () => {
  for (const { example } of [...Object.values(modelFamilies), ...Object.values(architectures)]) {
    assert.ok(existsSync(join(repositoryRoot, 'examples', `${example}.ts`)), example);
  }
});
