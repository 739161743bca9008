import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { callbacks } from '../../worker/callbacks/index.ts';
import { drive, RecordedControl } from '../support/callback-control.ts';
import { findPythonWithTensorFlow } from '../support/python-tensorflow.ts';

const out = mkdtempSync(join(tmpdir(), 'lockstep-tensorboard-'));
after(() => rmSync(out, { recursive: true, force: true }));

const reader = `
import glob, json, sys
from tensorflow.compat.v1.train import summary_iterator
events = []
for part in ("train", "validation"):
    for path in sorted(glob.glob(f"{sys.argv[1]}/{part}/events.out.tfevents.*")):
        for event in summary_iterator(path):
            events += [[part, event.step, value.tag, value.simple_value] for value in event.summary.value]
print(json.dumps(events))
`;

const python = findPythonWithTensorFlow();
const skip = python === undefined && 'no Python with TensorFlow here (LOCKSTEP_TEST_PYTHON names one)';

test('TensorFlow reads back what tensorBoard wrote', { skip }, async () => {
  const control = new RecordedControl({ epochs: 40, out, logNames: ['loss', 'accuracy', 'val_loss', 'val_accuracy'] });
  const logs = Array.from({ length: 40 }, (_, epoch) => {
    return { loss: 1 / (epoch + 3), accuracy: epoch / 40, val_loss: Math.exp(-epoch), val_accuracy: 0.1 * epoch };
  });
  await drive(callbacks.tensorBoard({ logDir: 'board' }), control, logs);
  const text = execFileSync(python ?? '', ['-c', reader, join(out, 'board')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const expected = ['train', 'validation'].flatMap((part) =>
    logs.flatMap((measured, epoch) => {
      const prefix = part === 'train' ? '' : 'val_';
      const names = ['loss', 'accuracy'] as const;
      return names.map((name) => [part, epoch, `epoch_${name}`, Math.fround(measured[`${prefix}${name}` as 'loss'])]);
    }),
  );
  assert.deepEqual(JSON.parse(text), expected);
});
