export {
  type HttpReply,
  serveTelemetry,
  type TelemetryServer,
  type TelemetryServerOptions,
} from './http.ts';
export {
  createLog,
  type Log,
  type LogFields,
  type LogLevel,
  type LogOptions,
  logLevels,
  prettyLine,
  silentLog,
} from './log.ts';
export {
  type CoordinatorMetrics,
  coordinatorMetrics,
  createRegistry,
  observeStep,
  type PhaseName,
  phaseNames,
  type Registry,
  type StepMetrics,
  type WorkerMetrics,
  workerMetrics,
} from './metrics.ts';
