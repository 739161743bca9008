import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { callbacks } from '../../worker/callbacks/index.ts';
import { crc32c, encodeRecord, maskedCrc32c } from '../../worker/callbacks/tensorboard/index.ts';
import { drive, RecordedControl } from '../support/callback-control.ts';

const out = mkdtempSync(join(tmpdir(), 'lockstep-callbacks-'));
after(() => rmSync(out, { recursive: true, force: true }));

describe('options of callbacks', () => {
  test('an unknown name is refused with the nearest known one', () => {
    const refused = (make: () => unknown, message: RegExp) => assert.throws(make, { code: 'job/invalid', message });
    refused(
      () => callbacks.earlyStopping({ patiance: 3 } as object),
      /earlyStopping has no option "patiance"; did you mean "patience"/,
    );
    refused(() => callbacks.modelCheckpoint({ save_best_only: true } as object), /did you mean "saveBestOnly"/);
    refused(() => callbacks.reduceLROnPlateau({ min_lr: 0 } as object), /did you mean "minLr"/);
    refused(() => callbacks.csvLogger({ file: 'a' } as object), /csvLogger has no option "file"/);
    refused(() => callbacks.tensorBoard({ log_dir: 'a' } as object), /did you mean "logDir"/);
  });

  test('a value that makes no sense is refused with what would', () => {
    const refused = (make: () => unknown, message: RegExp) => assert.throws(make, { code: 'job/invalid', message });
    refused(
      () => callbacks.earlyStopping({ patience: -1 }),
      /earlyStopping: patience must be a whole number of at least 0, got -1/,
    );
    refused(() => callbacks.earlyStopping({ mode: 'less' } as object), /mode must be 'auto', 'min' or 'max', got less/);
    refused(
      () => callbacks.earlyStopping('val_loss' as unknown as object),
      /earlyStopping expects an object of options, got "val_loss"/,
    );
    refused(() => callbacks.reduceLROnPlateau({ factor: 1 }), /factor must be a number between 0 and 1, got 1/);
    refused(() => callbacks.tensorBoard({ updateFreq: 0 }), /updateFreq must be 'epoch', 'batch' or a whole number/);
  });

  test('a metric whose name tells no direction needs a mode', async () => {
    const control = () => new RecordedControl({ epochs: 1, logNames: ['loss', 'margin'] });
    const monitored = callbacks.earlyStopping({ monitor: 'margin' });
    await assert.rejects(drive(monitored, control(), []), {
      code: 'job/invalid',
      message: /give mode: 'min' or mode: 'max'/,
    });
    await drive(callbacks.earlyStopping({ monitor: 'margin', mode: 'max' }), control(), []);
  });
});

describe('event files', () => {
  test('checksums are CRC-32C, masked as TFRecord files have it', () => {
    // RFC 3720 B.4.
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    const crc = 0xe3069283;
    assert.equal(maskedCrc32c(Buffer.from('123456789')), (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  });

  test('a record is length, its checksum, the bytes and theirs', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.deepEqual(readRecords(encodeRecord(bytes)), [bytes]);
      }),
    );
  });

  test('tensorBoard writes what Keras writes, by its names, steps and folders', async () => {
    const control = new RecordedControl({ epochs: 2, out, logNames: ['loss', 'val_loss', 'learning_rate'] });
    const callback = callbacks.tensorBoard({ updateFreq: 2 });
    await callback.onTrainBegin?.(control);
    for (const epoch of [0, 1]) {
      for (const batch of [0, 1, 2]) await callback.onBatchEnd?.(batch, { loss: epoch + batch / 10 });
      await callback.onEpochEnd?.(epoch, { loss: 0.5, val_loss: 0.25, learning_rate: 0 }, control);
    }
    await callback.onTrainEnd?.(control);
    const float = (value: number) => Buffer.from(new Float32Array([value]).buffer).toString('hex');
    assert.deepEqual(events(join(out, 'logs/validation')), [
      'brain.Event:2',
      `0 epoch_loss ${float(0.25)}`,
      `1 epoch_loss ${float(0.25)}`,
    ]);
    assert.deepEqual(events(join(out, 'logs/train')), [
      'brain.Event:2',
      `2 batch_loss ${float(0.1)}`,
      `0 epoch_loss ${float(0.5)} epoch_learning_rate ${float(0)}`,
      `4 batch_loss ${float(1)}`,
      `6 batch_loss ${float(1.2)}`,
      `1 epoch_loss ${float(0.5)} epoch_learning_rate ${float(0)}`,
    ]);
  });
});

function readRecords(file: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.length; ) {
    const view = new DataView(file.buffer, file.byteOffset + at);
    const length = Number(view.getBigUint64(0, true));
    const bytes = file.slice(at + 12, at + 12 + length);
    assert.equal(view.getUint32(8, true), maskedCrc32c(file.subarray(at, at + 8)));
    assert.equal(view.getUint32(12 + length, true), maskedCrc32c(bytes));
    records.push(bytes);
    at += 16 + length;
  }
  return records;
}

/** The only file of `directory`, a line an event, read without the code that wrote it. */
function events(directory: string): string[] {
  const [name = '', ...others] = readdirSync(directory);
  assert.deepEqual(others, []);
  assert.match(name, /^events\.out\.tfevents\.\d{10}\./);
  return readRecords(readFileSync(join(directory, name))).map((bytes) => {
    const fields = readFields(bytes);
    assert.ok(Math.abs(Number(Buffer.from(text(fields, 1), 'hex').readDoubleLE()) - Date.now() / 1000) < 60);
    const version = fields.find(([number]) => number === 3);
    if (version !== undefined) return Buffer.from(version[1], 'hex').toString();
    const values = readFields(Buffer.from(text(fields, 5), 'hex')).map(([, value]) =>
      readFields(Buffer.from(value, 'hex')),
    );
    const shown = values.map((value) => `${Buffer.from(text(value, 1), 'hex')} ${text(value, 2)}`);
    return [Number(text(fields, 2) || 0), ...shown].join(' ');
  });
}

function text(fields: readonly (readonly [number, string])[], number: number): string {
  return fields.find(([candidate]) => candidate === number)?.[1] ?? '';
}

/** Protocol buffers' wire format, as far as events need it: [field, varint or bytes in hexadecimal]. */
function readFields(bytes: Uint8Array): [number, string][] {
  const fields: [number, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    const key = bytes[at++] ?? 0;
    const wire = key & 7;
    if (wire === 0) {
      fields.push([key >> 3, String(bytes[at++])]);
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : (bytes[at++] ?? 0);
    fields.push([key >> 3, Buffer.from(bytes.subarray(at, at + length)).toString('hex')]);
    at += length;
  }
  return fields;
}
