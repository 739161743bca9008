import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ProfileReport } from '../../worker/inspect/profile-report.ts';
import { openEngine } from '../support/engine-fixtures.ts';
import { lockstep } from '../support/lockstep-run.ts';
import { repositoryRoot } from '../support/repository.ts';

const { skip } = await openEngine('tensorflow');
const out = mkdtempSync(join(tmpdir(), 'lockstep-profile-'));
after(() => rmSync(out, { recursive: true, force: true }));

const job = join(repositoryRoot, 'test/support/jobs/small.ts');
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

test('profile tells phases, ops and layers of a job, and writes a trace of all of them', { skip }, async () => {
  const ended = await lockstep(['profile', job, '--steps', '8', '--json', '--out', out]);
  assert.equal(ended.code, 0, ended.stderr);
  const report = JSON.parse(ended.stdout) as ProfileReport;
  assert.deepEqual(report.steps, { trained: 8, counted: 5 });
  assert.ok(report.phases.forwardBackward > 0 && report.phases.apply > 0);
  assert.ok(report.memory.peakResident >= report.memory.residentBefore);
  assert.ok(report.memory.values > 36 * 12 * 12 * 3 * 4, 'at least a batch');

  const [pass, update] = report.graphs;
  assert.ok(pass !== undefined && update !== undefined);
  for (const graph of report.graphs) {
    const byOp = total(graph.byOp.map(({ milliseconds }) => milliseconds));
    const byLayer = total(graph.byLayer.map(({ forward, backward }) => forward + backward));
    assert.ok(Math.abs(byOp - graph.sum) < 1e-9 && Math.abs(byLayer - graph.sum) < 1e-9);
    assert.equal(total(graph.byOp.map(({ count }) => count)), graph.ops);
    // What the clock saw is a part of what the caller saw.
    assert.ok(graph.sum > 0 && graph.sum < graph.timed);
  }
  const kinds = pass.byOp.map(({ op }) => op);
  for (const op of ['Conv2D', 'Conv2DBackpropFilter', 'StatelessRandomUniform']) assert.ok(kinds.includes(op), op);
  assert.equal(update.byOp.find(({ op }) => op === 'ResourceApplyAdam')?.count, 6);
  const convolution = pass.byLayer.find(({ layer }) => layer === 'conv2d');
  assert.ok(convolution !== undefined && convolution.forward > 0 && convolution.backward > 0);

  const trace = JSON.parse(readFileSync(report.trace, 'utf8')) as { traceEvents: { name: string; ph: string }[] };
  const names = new Set(trace.traceEvents.filter(({ ph }) => ph === 'X').map(({ name }) => name));
  for (const name of ['data', 'forwardBackward', 'apply', ...kinds]) assert.ok(names.has(name), name);
});

test('profile counts a loss of the job’s own by its name', { skip }, async () => {
  const own = join(repositoryRoot, 'test/support/jobs/own-loss.ts');
  const ended = await lockstep(['profile', own, '--steps', '2', '--out', out]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /^ {2}job\.loss +\d/m);
});

test('profile for people names the method and the layers', { skip }, async () => {
  const ended = await lockstep(['profile', job, '--steps', '2', '--precision', 'mixed_bfloat16', '--out', out]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /mixed_bfloat16, batch 36/);
  assert.match(ended.stdout, /Method: TensorFlow’s own clock/);
  assert.match(ended.stdout, /^ {2}batch_normalization +\d/m);
});
