export { MetricsObserver } from './metrics.ts';
export { type StatusServer, serveStatus } from './serve.ts';
export { type StatusSnapshot, statusSnapshot, type WorkerStatus } from './snapshot.ts';
export { scrapeTargets, type TargetGroup } from './targets.ts';
