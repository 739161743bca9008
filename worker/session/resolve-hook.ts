import { readFile } from 'node:fs/promises';
import type { InitializeHook, ResolveHook } from 'node:module';

let library = '';

/** Runs in Node's module-hooks thread; `data.library` is the URL of this package's entry. */
export const initialize: InitializeHook<{ library: string }> = (data) => {
  library = data.library;
};

/** Node before 22.7 takes a .js file without a package.json for CommonJS, whatever is in it. */
async function hasModuleSyntax(url: string): Promise<boolean> {
  const source = await readFile(new URL(url), 'utf8').catch(() => '');
  return /^\s*(import\s*[\w{*'"]|export\s+(default|const|function|class|let|async|\{))/m.test(source);
}

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  if (specifier === 'lockstep') return { url: library, shortCircuit: true };
  const resolved = await nextResolve(specifier, context);
  const { url, format } = resolved;
  if (format === 'module' || !url.startsWith('file:') || url.includes('/node_modules/')) return resolved;
  // In a folder without "type": "module" Node would take a file with imports for CommonJS and fail.
  const isModule = /\.tsx?(\?|$)/.test(url) || (url.endsWith('.js') && (await hasModuleSyntax(url)));
  return isModule ? { ...resolved, format: 'module' } : resolved;
};
