export { type ExportFormat, type ExportOptions, runExport } from './export.ts';
export {
  type PreflightCheck,
  type PreflightOptions,
  type ProfileOptions,
  runPreflight,
  runProfile,
} from './inspect/index.ts';
export { runWorker, type WorkerOptions } from './main.ts';
export { type PredictOptions, runPredict } from './predict.ts';
