import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../shared/telemetry/index.ts';
import { logCompiled } from '../../worker/session/log-compiled.ts';

function logOf(recompiled: readonly number[]): { level: string; msg: string }[] {
  const lines: string[] = [];
  const tell = logCompiled(createLog({ component: 'worker', level: 'info', write: (line) => void lines.push(line) }));
  for (const count of recompiled)
    tell({ shapes: ['32 rows of [100, 8]'], uses: ['training'], seconds: 1.234, recompiled: count });
  return lines.map((line) => JSON.parse(line));
}

test('one line tells what was compiled and how long it took', () => {
  const [line, ...rest] = logOf([0]);
  assert.deepEqual([line?.level, rest.length], ['info', 0]);
  assert.equal(line?.msg, 'compiled for shape 32 rows of [100, 8] (training), took 1.23 s');
});

test('shapes that are compiled again and again are warned of, ever more rarely', () => {
  const warnings = logOf([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).filter(({ level }) => level === 'warn');
  assert.deepEqual(
    warnings.map(({ msg }) => /(\d+) of them had to be compiled again/.exec(msg)?.[1]),
    ['1', '2', '4', '8'],
  );
});
