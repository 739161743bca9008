export { BatchLoader, type LoadedBatch, type LoaderOptions, type LoaderRange } from './loader.ts';
export { openSource } from './open-source.ts';
export type { OpenContext, Source } from './source.ts';
