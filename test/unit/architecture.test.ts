import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findViolations, type SourceFile } from '../support/architecture.ts';
import { repositoryRoot } from '../support/repository.ts';

const folders = ['shared', 'coordinator', 'worker', 'cli', 'examples', 'index.ts'];

function readSources(): SourceFile[] {
  const paths = folders.flatMap((folder) => {
    const path = join(repositoryRoot, folder);
    if (!existsSync(path)) return [];
    if (statSync(path).isFile()) return [folder];
    return (readdirSync(path, { recursive: true }) as string[]).map(
      (name) => `${folder}/${name.replaceAll('\\', '/')}`,
    );
  });
  return paths
    .filter((path) => /\.(ts|mjs)$/.test(path) && !path.endsWith('.d.ts') && !path.includes('node_modules/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(repositoryRoot, path), 'utf8') }));
}

test('sources keep to the layers, the doors of libraries and the limits of the house style', () => {
  const sources = readSources();
  assert.ok(sources.length > 50, `only ${sources.length} sources found`);
  const violations = findViolations(sources);
  assert.equal(violations.length, 0, `${violations.length} violations:\n  ${violations.join('\n  ')}\n`);
});

/** [path, source, what must be said about it (empty: nothing)] */
const planted: readonly (readonly [string, string, readonly RegExp[]])[] = [
  [
    'shared/job/a.ts',
    `import { x } from '../../worker/data/index.ts';`,
    [/^shared\/job\/a\.ts:1: shared imports worker/],
  ],
  [
    'worker/main.ts',
    `\nimport { x } from '../coordinator/index.ts';`,
    [/^worker\/main\.ts:2: worker imports coordinator/],
  ],
  ['coordinator/a.ts', `export type { X } from '../worker/main.ts';`, [/coordinator imports worker\/main\.ts/]],
  ['worker/session/a.ts', `const x = await import('../../cli/main.ts');`, [/worker imports cli\/main\.ts/]],
  ['proto/a.ts', `import '../shared/core/index.ts';`, [/proto imports shared/]],
  ['worker/engine/a.ts', `import { x } from '../data/index.ts';`, [/worker\/engine imports worker\/data/]],
  [
    'worker/checkpoint/a.ts',
    `import type { X } from '../engine/index.ts';`,
    [/worker\/checkpoint imports worker\/engine/],
  ],
  ['worker/data/a.ts', `import { x } from '../session/index.ts';`, [/worker\/data imports worker\/session/]],
  ['worker/session/a.ts', `import { x } from '../graph/index.ts';`, [/the engine’s own/]],
  ['worker/graph/a.ts', `import { x } from '../engine/index.ts';`, [/it is a leaf/]],
  ['coordinator/a.ts', `import { Server } from '@grpc/grpc-js';`, [/@grpc\/grpc-js, whose door is shared\/rpc/]],
  ['cli/a.ts', `import {\n  Counter,\n} from 'prom-client';`, [/prom-client, whose door is shared\/telemetry/]],
  ['worker/data/a.ts', `const tf = require('@tensorflow/tfjs');`, [/@tensorflow\/tfjs, whose door/]],
  ['shared/core/a.ts', `import map from 'lodash/map';`, [/lodash, which has no door/]],
  ['cli/a.ts', `import { x } from '../shared/core/errors.ts';`, [/enters shared\/core by errors\.ts/]],
  ['worker/session/a.ts', `import { x } from '../data/loader/x.ts';`, [/enters worker\/data by x\.ts/]],
  ['coordinator/main.ts', `import { x } from './journal/journal.ts';`, [/enters coordinator\/journal/]],
  ['cli/a.ts', 'x;\n'.repeat(301), [/a\.ts:301: 301 lines/]],
  ['shared/core/string-utils.ts', '', [/a name that says nothing/]],
  ['cli/a.ts', 'const x = 1;\nexport default x;', [/a\.ts:2: default export/]],
  ['cli/a.ts', 'export const enum Color { Red }', [/enum/]],
  [
    'cli/a.ts',
    'let x: any;\nf(y as any);\nconst z: Map<string, any> = m;',
    [/a\.ts:1: any/, /a\.ts:2: any/, /a\.ts:3: any/],
  ],
  // What must pass.
  ['cli/a.ts', `import { Command } from 'commander';\nimport { x } from '../worker/main.ts';`, []],
  ['worker/session/a.ts', `import { x } from '../engine/index.ts';\nimport { y } from '../data/index.ts';`, []],
  ['worker/engine/compiled/a.ts', `import { x } from '../losses.ts';\nimport { g } from '../../graph/index.ts';`, []],
  ['coordinator/status/a.ts', `import { x } from '../tally.ts';\nimport { readFile } from 'node:fs';`, []],
  ['shared/job/a.ts', `import type { RunSettings } from '../config/settings.ts';`, []],
  ['examples/a.ts', `import { defineJob } from 'lockstep';\nexport default defineJob({});`, []],
  [
    'cli/a.ts',
    `// import x from '../nowhere.ts'; y: any\nconst s = "import z from 'lodash'"; const t = \`a: any \${b}\`;`,
    [],
  ],
  ['cli/a.ts', `const r = /'/; const s = 'enum X'; // any\nconst many = { any: 1 }; const e = isAny(x);`, []],
];

test('planted violations are found and what is allowed is not', () => {
  for (const [path, text, expected] of planted) {
    const found = findViolations([{ path, text }]);
    assert.equal(found.length, expected.length, `${path}: ${JSON.stringify(text)} gave ${JSON.stringify(found)}`);
    for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? '', pattern);
  }
});
