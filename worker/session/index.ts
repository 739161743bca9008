export { collectGarbageAtOnce } from './collect-garbage.ts';
export { dumpGraph } from './dump-graph.ts';
export { hashJobFile, loadJob } from './job-loader.ts';
export { Link } from './link.ts';
export { adaptedOf, type OpenLoaders, openLoaders } from './loaders.ts';
export type { RankReply, RankRequest } from './measure/protocol.ts';
export { compiles, executionText, planRun, type RunPlan } from './run-plan.ts';
export { runSession } from './session.ts';
export { trainerOptions } from './trainer-options.ts';
