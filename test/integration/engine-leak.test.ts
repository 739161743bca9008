import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Engine } from '../../worker/engine/index.ts';
import { cnnJob, openEngine, randomBatch } from '../support/engine-fixtures.ts';
import { countNativeHandles } from '../support/native-handles.ts';

const ROWS = 2;
const STEPS = 300;

/**
 * Growth of resident memory from step 100 to step 300 that still counts as flat. One lost gradient bucket per step
 * (3.2 MB) would add 640 MB, one lost weight update as much; a lost batch (98 KB) is found by the handles.
 */
const FLAT_BYTES = 48 * 2 ** 20;

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

for (const compile of [false, true]) {
  test(`${STEPS} ${compile ? 'compiled' : 'eager'} steps of the chapter’s CNN leak nothing`, { skip }, async (t) => {
    const handles = countNativeHandles();
    const trainer = await engine.createTrainer(cnnJob({ rows: [ROWS], compile }));
    const batch = randomBatch(cnnJob(), ROWS);
    const samples = new Map<number, { tensors: number; bytes: number; handles: number; residentBytes: number }>();
    for (let step = 1; step <= STEPS; step++) {
      trainer.apply(trainer.forwardBackward(batch, { step, replica: 0, replicas: 1, globalSamples: ROWS }), step);
      if (step % 50 !== 0) continue;
      trainer.evaluate(batch);
      trainer.predict(batch);
      trainer.readWeights();
      collectGarbage();
      const { tensors, bytes } = engine.memory();
      samples.set(step, { tensors, bytes, handles: handles(), residentBytes: process.memoryUsage.rss() });
    }
    const [early, middle, late] = [50, 100, STEPS].map((step) => samples.get(step));
    assert.ok(early !== undefined && middle !== undefined && late !== undefined);
    const growth = late.residentBytes - middle.residentBytes;
    t.diagnostic(`${late.tensors} tensors, ${late.handles} handles, resident memory grew by ${growth} bytes`);
    assert.deepEqual([late.tensors, late.bytes, late.handles], [early.tensors, early.bytes, early.handles]);
    assert.ok(growth < FLAT_BYTES, `resident memory grew by ${growth} bytes`);
    trainer.close();
    assert.equal(handles(), 0, 'closing gives every handle back');
  });
}
