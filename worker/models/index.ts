import { input, model, sequential } from './build.ts';
import { generate } from './generate.ts';
import { load } from './load-weights.ts';

export { type ExportFormat, type ExportOptions, runExport } from './export.ts';
export type { GenerateOptions } from './generate.ts';
export { openSavedWeights, type SavedWeights } from './load-weights.ts';

/** Whole models, for a job's `model` function. */
export const models = { sequential, model, input, load, generate } as const;
