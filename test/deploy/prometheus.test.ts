import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { coordinatorMetrics, createRegistry, phaseNames, workerMetrics } from '../../shared/telemetry/index.ts';
import { findPrometheus } from '../support/prometheus-programs.ts';
import { repositoryRoot } from '../support/repository.ts';

const programs = await findPrometheus();
const skip = programs.missing;
const promtool = async (...args: string[]) => promisify(execFile)(programs.promtool, args);
const path = (...parts: string[]) => join(repositoryRoot, ...parts);
const rulesFile = path('deploy', 'prometheus', 'rules.yml');
const rules = readFileSync(rulesFile, 'utf8');

const temporary = mkdtempSync(join(tmpdir(), 'lockstep-rules-'));
after(() => rmSync(temporary, { recursive: true }));

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
}

/** Every series that Lockstep's processes expose. */
async function exposedNames(): Promise<Set<string>> {
  const registry = createRegistry();
  coordinatorMetrics(registry);
  workerMetrics(registry);
  const metrics = await registry.getMetricsAsJSON();
  return new Set(
    metrics.flatMap(({ name, type }) =>
      String(type) === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

/** Series that rules ask for and nobody has; phases that no step has. */
async function unknownSeries(text: string): Promise<string[]> {
  const exposed = await exposedNames();
  const all = (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
  const recorded = all.flatMap(({ record }) => record ?? []);
  return all.flatMap(({ expr, record, alert }) => {
    const phases = [...expr.matchAll(/phase="(\w+)"/g)].map((match) => match[1] ?? '');
    // Labels stand in braces and after by, on and the like.
    const bare = expr
      .replace(/\{[^}]*\}/g, '')
      .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');
    return [
      ...(bare.match(/\blockstep[_:][\w:]+/g) ?? []).filter((name) => !exposed.has(name) && !recorded.includes(name)),
      ...phases.filter((phase) => !(phaseNames as readonly string[]).includes(phase)),
    ].map((name) => `${record ?? alert}: ${name}`);
  });
}

test('every series in the rules exists', async () => {
  assert.deepEqual(await unknownSeries(rules), []);
});

test('a series that nobody exposes is found', async () => {
  const renamed = rules.replace('lockstep_steps_total[5m]', 'lockstep_step_total[5m]');
  assert.deepEqual(await unknownSeries(renamed), ['LockstepNoProgress: lockstep_step_total']);
  const phase = rules.replace('phase="forward_backward"', 'phase="forward"');
  assert.deepEqual(await unknownSeries(phase), ['lockstep:worker_replica_seconds:mean1m: forward']);
});

test('Prometheus accepts the configuration and the rules', { skip }, async () => {
  const { stdout } = await promtool('check', 'config', path('deploy', 'prometheus', 'prometheus.yml'));
  assert.match(stdout, /is valid prometheus config file syntax/);
  assert.match(stdout, /SUCCESS: \d+ rules found/);
});

test('rules and alerts say of given series what they should', { skip }, async () => {
  await promtool('test', 'rules', path('test', 'deploy', 'prometheus-rules.yml'));
});

test('a rule that was changed fails its test', { skip }, async () => {
  const changed = join(temporary, 'rules.yml');
  writeFileSync(changed, rules.replace('1.5 * quantile', '15 * quantile'));
  const tests = readFileSync(path('test', 'deploy', 'prometheus-rules.yml'), 'utf8');
  const testFile = join(temporary, 'test.yml');
  writeFileSync(testFile, tests.replace('../../deploy/prometheus/rules.yml', changed));
  await assert.rejects(promtool('test', 'rules', testFile), /LockstepStraggler/);
});
