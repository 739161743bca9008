import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateSeed } from './elastic/simulate.ts';

/** `LOCKSTEP_SIMULATE=FROM:END` takes other seeds, `npm run simulate` 2,000 of them. */
function seeds(): { from: number; end: number } {
  const [from = 0, end = 300] = (process.env['LOCKSTEP_SIMULATE'] ?? '0:300').split(':').map(Number);
  assert.ok(from < end, `LOCKSTEP_SIMULATE is FROM:END, such as 0:2000`);
  return { from, end };
}

test('whatever workers and the network do, training is that of an undisturbed run, and ends', async (context) => {
  const { from, end } = seeds();
  const endings = new Map<string, number>();
  const started = performance.now();
  for (let seed = from; seed < end; seed++) {
    const { stage } = (await simulateSeed(seed)).state;
    const ending = stage.kind === 'failed' ? stage.error.code : stage.kind === 'finished' ? 'finished' : '';
    const name = stage.kind === 'finished' && stage.outcome.drained ? 'drained' : ending;
    endings.set(name, (endings.get(name) ?? 0) + 1);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  context.diagnostic(`${end - from} seeds in ${seconds} s: ${JSON.stringify(Object.fromEntries(endings))}`);
  if (end - from < 300) return;
  for (const wanted of ['finished', 'drained', 'run/worker-lost', 'run/interrupted']) {
    assert.ok((endings.get(wanted) ?? 0) >= 5, `too few runs ended with ${wanted}: ${JSON.stringify([...endings])}`);
  }
});
