import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { hashInputs } from './addon.mjs';
import { SetupFailure } from './failure.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/** One module for each protocol package: its name, and the folder of its .proto files below proto/. */
const bundles = [
  { name: 'lockstep', folder: 'lockstep/v1' },
  { name: 'tensorflow', folder: 'tensorflow' },
];

/** Encode, decode and create are all that we call; classes for services and JSON are left out. */
const shape = ['--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-service'];

/** Raise to generate anew when what this file does to the generated code changes. */
const recipeVersion = '1';

/**
 * Generates proto/generated/<bundle>.js and .d.ts from the .proto files, if those have changed since, and copies them
 * beside the compiled output: tsc does not emit a .js that has its own .d.ts.
 * @param {string} packageRoot
 * @returns {Promise<string[]>} names of the bundles generated now
 */
export async function generateCode(packageRoot) {
  const protoRoot = join(packageRoot, 'proto');
  const generated = join(protoRoot, 'generated');
  const compiler = join(packageRoot, 'node_modules', 'protobufjs-cli');
  const compilerVersion = JSON.parse(readFileSync(join(compiler, 'package.json'), 'utf8')).version;
  mkdirSync(generated, { recursive: true });
  const changed = [];
  for (const { name, folder } of bundles) {
    const files = findProtoFiles(join(protoRoot, folder));
    if (files.length === 0) continue;
    const contents = files.flatMap((file) => [relative(protoRoot, file), readFileSync(file)]);
    const key = hashInputs([recipeVersion, compilerVersion, ...shape, ...contents]);
    const output = join(generated, `${name}.js`);
    if (isCurrent(output, key)) continue;
    await generate({ pbjs: join(compiler, 'bin', 'pbjs'), protoRoot, name, files, output, key });
    changed.push(name);
  }
  copyToOutput(generated, join(packageRoot, 'dist', 'proto', 'generated'));
  return changed;
}

/**
 * @param {{ pbjs: string, protoRoot: string, name: string, files: string[], output: string, key: string }} options
 */
async function generate({ pbjs, protoRoot, name, files, output, key }) {
  const draft = output.replace(/\.js$/, '.draft.js');
  const args = ['-t', 'static-module', '-w', 'esm', '--dts', '--force-number', '-r', name, ...shape];
  const result = await runCommand(process.execPath, [pbjs, ...args, '-p', protoRoot, '-o', draft, ...files]);
  if (result.code !== 0) {
    throw new SetupFailure(`protobuf code for ${name} could not be generated:\n${lastLines(result)}`, [
      `correct the .proto files of ${protoRoot} that the message names`,
    ]);
  }
  const draftTypes = draft.replace(/\.js$/, '.d.ts');
  renameSync(draftTypes, output.replace(/\.js$/, '.d.ts'));
  writeFileSync(output, `// inputs ${key}\n${readNumbers(readFileSync(draft, 'utf8'))}`);
  rmSync(draft, { force: true });
}

/**
 * Lets 64-bit integers be plain numbers, as the generated types (--force-number) say: the generated code would return
 * objects wherever the package `long` happens to be installed. A value beyond 2^53 is an error, not a wrong number.
 * @param {string} source
 * @returns {string}
 */
export function readNumbers(source) {
  const importLine = /^import \$protobuf from .*$/m;
  if (!importLine.test(source)) throw new Error('generated code has an unexpected beginning');
  return source
    .replace(/\breader\.(u?int64|sint64|s?fixed64)\(\)/g, '$$safe(reader.$1())')
    .replace(/\$util\.Long \? \$util\.Long\.from\w+\([^)]*\) : 0/g, '0')
    .replace(importLine, (line) => `${line}\n${safeInteger}`);
}

const safeInteger = `
function $safe(value) {
  const number = typeof value === 'number' ? value : value.toNumber();
  if (!Number.isSafeInteger(number)) throw new RangeError('64-bit integer ' + value + ' in a message is beyond 2^53');
  return number;
}
`;

/**
 * @param {string} output
 * @param {string} key
 */
function isCurrent(output, key) {
  if (!existsSync(output) || !existsSync(output.replace(/\.js$/, '.d.ts'))) return false;
  return readFileSync(output, 'utf8').startsWith(`// inputs ${key}\n`);
}

/** @param {string} directory */
function findProtoFiles(directory) {
  if (!existsSync(directory)) return [];
  const names = /** @type {string[]} */ (readdirSync(directory, { recursive: true }));
  return names
    .filter((name) => name.endsWith('.proto'))
    .sort()
    .map((name) => join(directory, name));
}

/**
 * @param {string} from
 * @param {string} to
 */
function copyToOutput(from, to) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const content = readFileSync(join(from, name));
    if (!existsSync(join(to, name)) || !content.equals(readFileSync(join(to, name))))
      writeFileSync(join(to, name), content);
  }
}
