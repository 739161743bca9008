import type { InitializeHook, ResolveHook } from 'node:module';

let library = '';

/** Runs in Node's module-hooks thread; `data.library` is the URL of this package's entry. */
export const initialize: InitializeHook<{ library: string }> = (data) => {
  library = data.library;
};

export const resolve: ResolveHook = (specifier, context, nextResolve) =>
  specifier === 'lockstep' ? { url: library, shortCircuit: true } : nextResolve(specifier, context);
