export { type CoordinatorProcess, startCoordinator } from './coordinator-process.ts';
export { type Interrupts, type LaunchOptions, type LaunchOutcome, launch } from './launch.ts';
export type { CoordinatorStart, WorkerStart } from './messages.ts';
export { type LaunchPlan, type PlanInput, planLaunch, runSettings, usableGpus } from './plan.ts';
export { runAsCoordinator, runAsPredictor, runAsPreflight, runAsProfiler, runAsWorker } from './roles.ts';
