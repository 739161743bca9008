import { posix } from 'node:path';
import { blankOut, findImports, lineAt } from './source-text.ts';

export interface SourceFile {
  /** From the repository's root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** What each top-level folder may import besides itself. `api` is the root's index.ts. */
const layers: Readonly<Record<string, readonly string[]>> = {
  proto: [],
  shared: ['proto'],
  coordinator: ['proto', 'shared'],
  worker: ['proto', 'shared'],
  cli: ['proto', 'shared', 'coordinator', 'worker'],
  api: ['shared', 'coordinator', 'worker', 'cli'],
  examples: [],
};

/** Parts of a worker that meet only in `session` and main.ts. */
const workerParts = ['engine', 'collective', 'data', 'checkpoint'];

/** The one door of each library. A library without a door is not used at all. */
const doors: readonly { readonly library: RegExp; readonly doors: readonly string[] }[] = [
  { library: /^@grpc\//, doors: ['shared/rpc/'] },
  { library: /^(prom-client|pino)$/, doors: ['shared/telemetry/'] },
  { library: /^zod$/, doors: ['shared/config/'] },
  { library: /^commander$/, doors: ['cli/'] },
  { library: /^@tensorflow\//, doors: ['worker/engine/', 'cli/setup/one-op.mjs', 'examples/'] },
  { library: /^(h5wasm|fflate)$/, doors: ['worker/exchange/'] },
  { library: /^@aws-sdk\//, doors: ['worker/checkpoint/training/s3-storage.ts'] },
  { library: /^tsx$/, doors: ['worker/session/', 'worker/data/'] },
  { library: /^csv-parse$/, doors: ['worker/data/tables/csv-parser.ts'] },
  { library: /^(pngjs|jpeg-js)$/, doors: ['worker/data/images/decode-image.ts'] },
  { library: /^yauzl$/, doors: ['worker/data/files/zip-entries.ts'] },
  { library: /^protobufjs(-cli)?$/, doors: ['proto/generated/', 'cli/setup/'] },
  { library: /^lockstep$/, doors: ['examples/'] },
];

const maxLines = 300;
const vagueName = /(^|[/-])(utils?|helpers?|common|managers?)(?=[./-])/;

/** Everything in `files` that breaks the house's rules, as `path:line: what`. */
export function findViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const code = blankOut(file.text);
    const imports = findImports(file.text, code).flatMap(({ specifier, line }) =>
      importProblems(file.path, specifier).map((problem) => ({ line, problem })),
    );
    return [...imports, ...textProblems(file, code)].map(({ line, problem }) => `${file.path}:${line}: ${problem}`);
  });
}

function importProblems(from: string, specifier: string): string[] {
  if (specifier.startsWith('node:')) return [];
  if (!specifier.startsWith('.')) return libraryProblems(from, specifier);
  const to = posix.normalize(posix.join(posix.dirname(from), specifier));
  return [directionProblem(from, to), workerProblem(from, to), entryProblem(from, to)].filter((text) => text !== null);
}

function libraryProblems(from: string, specifier: string): string[] {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const known = doors.find(({ library }) => library.test(name));
  if (known === undefined) return [`imports ${name}, which has no door`];
  if (known.doors.some((door) => from.startsWith(door))) return [];
  return [`imports ${name}, whose door is ${known.doors.join(', ')}`];
}

function directionProblem(from: string, to: string): string | null {
  const [source, target] = [layerOf(from), layerOf(to)];
  if (source === target || layers[source]?.includes(target)) return null;
  return `${source} imports ${to}: dependencies point proto ← shared ← coordinator, worker ← cli`;
}

function layerOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : 'api';
}

function workerProblem(from: string, to: string): string | null {
  const [source, target] = [workerPart(from), workerPart(to)];
  if (source === target || source === null || target === null) return null;
  if (target === 'graph') return source === 'engine' ? null : `worker/${source} imports worker/graph, the engine’s own`;
  if (source === 'graph') return `worker/graph imports ${to}: it is a leaf`;
  if (!workerParts.includes(source)) return null;
  return `worker/${source} imports ${to}: the worker’s parts meet only in session`;
}

function workerPart(path: string): string | null {
  return /^worker\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** Files that may be named from outside of their folder, each with its reason. */
function isOwnEntry(path: string): boolean {
  const name = posix.basename(path);
  return (
    name === 'index.ts' ||
    // A process's entry: loading it costs what the process needs.
    name === 'main.ts' ||
    // Types alone, for folders that must not load the option schema.
    path === 'shared/config/settings.ts' ||
    // Plain scripts that run before anything is built; each is a program or a part that `doctor` shows.
    path.startsWith('cli/setup/') ||
    // What those need of what the product needs, too; plain for the same reason.
    /^shared\/download\/[\w-]+\.mjs$/.test(path) ||
    path.startsWith('proto/generated/')
  );
}

function entryProblem(from: string, to: string): string | null {
  const [home, folder] = [folderOf(from), folderOf(to)];
  // A part may use the files of the folder that it is a part of.
  if (home === folder || `${home}/`.startsWith(`${folder}/`) || isOwnEntry(to)) return null;
  return `enters ${folder} by ${posix.basename(to)} instead of index.ts`;
}

/** The first two levels are folders with a surface; deeper ones are details of theirs. */
function folderOf(path: string): string {
  return posix.dirname(path).split('/').slice(0, 2).join('/');
}

function textProblems({ path, text }: SourceFile, code: string): { line: number; problem: string }[] {
  const problems: { line: number; problem: string }[] = [];
  const report = (pattern: RegExp, problem: string) => {
    for (const match of code.matchAll(pattern)) problems.push({ line: lineAt(text, match.index), problem });
  };
  const lines = text.replace(/\n$/, '').split('\n').length;
  if (lines > maxLines) problems.push({ line: lines, problem: `${lines} lines, more than ${maxLines}` });
  if (vagueName.test(path)) problems.push({ line: 1, problem: 'a name that says nothing: name the thing' });
  const mayExportDefault = path.startsWith('examples/') || path.endsWith('.config.ts');
  if (!mayExportDefault) report(/\bexport\s+default\b|\bas\s+default\b/g, 'default export');
  report(/^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/gm, 'enum: use a union');
  report(/(?::|\bas|<|\||,)\s*any\b(?!\s*[:(=])/g, 'any');
  return problems;
}
