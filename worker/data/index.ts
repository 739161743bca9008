export { BatchLoader, type LoadedBatch, type LoaderOptions, type LoaderRange } from './loader.ts';
export type { LoaderContext } from './loader-protocol.ts';
export { openSource } from './open-source.ts';
export type { LooseInput, OpenContext, Source, Visit } from './source.ts';
