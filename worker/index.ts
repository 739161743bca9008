export {
  type PreflightCheck,
  type PreflightOptions,
  type ProfileOptions,
  runPreflight,
  runProfile,
} from './inspect/index.ts';
export { runWorker, type WorkerOptions } from './main.ts';
export { type ExportFormat, type ExportOptions, runExport } from './models/index.ts';
