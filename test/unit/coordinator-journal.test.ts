import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { Journal, type JournalRecord, readJournal } from '../../coordinator/index.ts';
import { decodeLines, encodeLine } from '../../coordinator/journal/line.ts';
import { LockstepError } from '../../shared/core/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'lockstep-journal-'));
after(() => rmSync(directory, { recursive: true }));

const values = fc.array(fc.jsonValue(), { minLength: 2, maxLength: 8 });
const step = (number: number): JournalRecord => ({
  runId: 'run-1',
  kind: 'step',
  ...{ generation: 1, step: number, samples: 32, lossSum: 0.1 + 0.2, metricSums: [Math.PI] },
});

describe('journal lines', () => {
  test('cut at any byte leave the whole records before the cut, never an error', () => {
    fc.assert(
      fc.property(values, (records) => {
        const lines = records.map(encodeLine);
        const bytes = Buffer.concat(lines);
        const ends = lines.map((_, index) => Buffer.concat(lines.slice(0, index + 1)).length);
        for (let cut = 0; cut <= bytes.length; cut++) {
          const decoded = decodeLines(bytes.subarray(0, cut));
          const whole = ends.filter((end) => end <= cut).length;
          assert.equal(decoded.kind, 'records');
          assert.deepEqual(
            decoded.kind === 'records' && decoded.records,
            JSON.parse(JSON.stringify(records.slice(0, whole))),
          );
        }
      }),
      { numRuns: 50 },
    );
  });

  test('with a flipped bit before the last record are corrupt, and the line is named', () => {
    fc.assert(
      fc.property(values, fc.nat(), fc.integer({ min: 0, max: 7 }), (records, position, bit) => {
        const lines = records.map(encodeLine);
        const bytes = Buffer.concat(lines);
        // The line end before the last record merges two lines into one torn tail: it is left alone here.
        const damaged = position % (bytes.length - (lines.at(-1)?.length ?? 0) - 1);
        bytes[damaged] = (bytes[damaged] ?? 0) ^ (1 << bit);
        const decoded = decodeLines(bytes);
        assert.equal(decoded.kind, 'corrupt');
        assert.ok(decoded.kind === 'corrupt' && decoded.offset <= damaged && decoded.line >= 1);
      }),
    );
  });
});

describe('a journal', () => {
  test('gives back what was written, to the last bit', () => {
    const path = join(directory, 'a', 'journal.log');
    const journal = Journal.open(path);
    for (const number of [0, 1, 2]) journal.append(step(number));
    journal.close();
    journal.close();
    assert.deepEqual(
      readJournal(path).map(({ time, ...record }) => record),
      [step(0), step(1), step(2)],
    );
  });

  test('goes on after a torn tail, which is cut', () => {
    const path = join(directory, 'torn.log');
    const first = Journal.open(path);
    first.append(step(0));
    first.close();
    appendFileSync(path, '12345678 {"kind":"st');
    const second = Journal.open(path);
    assert.equal(second.cutBytes, 20);
    assert.equal(second.records.length, 1);
    second.append(step(1));
    second.close();
    assert.equal(readJournal(path).length, 2);
  });

  test('that is damaged in the middle is refused with file, record and byte, and stays as it is', () => {
    const path = join(directory, 'damaged.log');
    const journal = Journal.open(path);
    for (const number of [0, 1, 2]) journal.append(step(number));
    journal.close();
    const bytes = readFileSync(path);
    const offset = bytes.indexOf('\n') + 1;
    bytes[offset + 30] = (bytes[offset + 30] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    assert.throws(
      () => Journal.open(path),
      (error) =>
        error instanceof LockstepError &&
        error.code === 'journal/corrupt' &&
        error.message.includes(`${path}: record 2 at byte ${offset}`),
    );
    assert.deepEqual(readFileSync(path), bytes);
  });

  test('of an earlier run is kept under the next number when a run starts its own', () => {
    const path = join(directory, 'kept', 'journal.log');
    for (const number of [0, 1, 2]) {
      const journal = Journal.create(path);
      journal.append(step(number));
      journal.close();
    }
    assert.deepEqual(readdirSync(join(directory, 'kept')).sort(), ['journal.1.log', 'journal.2.log', 'journal.log']);
    const steps = ['journal.1.log', 'journal.2.log', 'journal.log'].map((name) =>
      readJournal(join(directory, 'kept', name)).map((record) => record.kind === 'step' && record.step),
    );
    assert.deepEqual(steps, [[0], [1], [2]]);
  });

  test('that does not exist is an error for a reader', () => {
    assert.throws(
      () => readJournal(join(directory, 'none.log')),
      (error) => error instanceof LockstepError && error.code === 'checkpoint/missing',
    );
  });
});
