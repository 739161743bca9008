import type { InitializeHook, ResolveHook } from 'node:module';

let library = '';

/** Runs in Node's module-hooks thread; `data.library` is the URL of this package's entry. */
export const initialize: InitializeHook<{ library: string }> = (data) => {
  library = data.library;
};

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  if (specifier === 'lockstep') return { url: library, shortCircuit: true };
  const resolved = await nextResolve(specifier, context);
  // In a folder without "type": "module" Node would take TypeScript with imports for CommonJS and fail.
  const isTypeScript = /\.tsx?(\?|$)/.test(resolved.url) && !resolved.url.includes('/node_modules/');
  return isTypeScript ? { ...resolved, format: 'module' } : resolved;
};
