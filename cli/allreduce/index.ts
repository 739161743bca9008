export { type AllreduceFlags, type AllreduceOptions, readAllreduceOptions } from './arguments.ts';
export { median } from './figures.ts';
export { type Contestant, type Group, joinTurns, type Turn } from './group.ts';
export { lockstepContestant } from './lockstep-group.ts';
export { formatTable } from './report.ts';
export { runAllreduceBenchmark } from './run.ts';
