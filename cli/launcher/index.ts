export { type CoordinatorProcess, startCoordinator } from './coordinator-process.ts';
export { type Interrupts, type LaunchOptions, type LaunchOutcome, launch } from './launch.ts';
export type { CoordinatorStart, WorkerStart } from './messages.ts';
export {
  fewestWorkers,
  type LaunchPlan,
  type PlanInput,
  type PredictionOptions,
  planLaunch,
  runSettings,
  usableGpus,
} from './plan.ts';
export { runAsCoordinator, runAsPreflight, runAsProfiler, runAsWorker } from './roles.ts';
