import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenLinks, readPages, unknownUsage } from '../support/documents.ts';

test('links between pages lead somewhere', () => {
  assert.deepEqual(readPages().flatMap(brokenLinks), []);
});

test('command lines in pages name commands and flags that exist', () => {
  assert.deepEqual(readPages().flatMap(unknownUsage), []);
});

test('no page is longer than two screens', () => {
  // The chapter's page is its two programs, line by line.
  const tables = [
    'docs/configuration.md',
    'docs/errors.md',
    'docs/layers.md',
    'docs/keras-chapter.md',
    'docs/coverage.md',
  ];
  const long = readPages()
    .filter(({ path }) => !tables.includes(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
    .filter(({ lines }) => lines > 110);
  assert.deepEqual(long, []);
});

test('a broken link, an unknown command and an unknown flag are found', () => {
  const page = (text: string) => ({ path: 'docs/a.md', text });
  assert.deepEqual(brokenLinks(page('[a](nowhere.md) [b](../README.md) [c](https://x.example)')), [
    'docs/a.md: nowhere.md',
  ]);
  assert.deepEqual(brokenLinks(page('[a](operations.md#security) [b](operations.md#magic)')), [
    'docs/a.md: operations.md#magic',
  ]);
  assert.deepEqual(unknownUsage(page('    lockstep train job.ts --wrokers 2 --json')), [
    'docs/a.md: lockstep train --wrokers',
  ]);
  assert.deepEqual(unknownUsage(page('`lockstep launch --json`')), ['docs/a.md: lockstep launch']);
});
