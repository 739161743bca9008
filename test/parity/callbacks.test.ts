import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callbacks } from '../../worker/callbacks/index.ts';
import { drive, RecordedControl } from '../support/callback-control.ts';
import { repositoryRoot } from '../support/repository.ts';

interface Case {
  readonly callback: 'earlyStopping' | 'reduceLROnPlateau' | 'modelCheckpoint';
  readonly options: object;
  /** Place in `sequences`. */
  readonly sequence: number;
  /** Epochs until training ended. */
  readonly epochs: number;
  /** The epoch whose weights training ended with, where they were restored. */
  readonly restored: number | null;
  /** Epochs after which the model was saved. */
  readonly saved: readonly number[];
  /** In force after each epoch, in float32. */
  readonly rates: readonly number[];
}

const goldens = JSON.parse(readFileSync(join(repositoryRoot, 'test/parity/goldens/callbacks.json'), 'utf8')) as {
  learningRate: number;
  sequences: readonly (readonly string[])[];
  cases: readonly Case[];
};

/** As Python writes numbers. */
const numbers: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY };
const sequences = goldens.sequences.map((texts) => texts.map((text) => numbers[text] ?? Number(text)));

for (const name of ['earlyStopping', 'reduceLROnPlateau', 'modelCheckpoint'] as const) {
  const cases = goldens.cases.filter(({ callback }) => callback === name);
  test(`${name} decides as Keras in ${cases.length} runs`, async () => {
    assert.ok(cases.length > 100);
    for (const { options, sequence, ...expected } of cases) {
      const values = sequences[sequence] ?? [];
      const control = new RecordedControl({ ...goldens, epochs: values.length, logNames: ['loss', 'val_loss'] });
      const callback = callbacks[name](options);
      const logs = values.map((value) => ({ loss: 1, val_loss: value }));
      const rates = await drive(callback, control, logs);
      const decided = { callback: name, epochs: rates.length, restored: control.restored, saved: control.savedIn };
      const what = `${JSON.stringify(options)} on ${goldens.sequences[sequence]}`;
      assert.deepEqual(
        { ...decided, rates: rates.map(Math.fround) },
        { ...expected, rates: expected.rates.map(Math.fround) },
        what,
      );
    }
  });
}
