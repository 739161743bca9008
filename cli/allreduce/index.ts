export { type AllreduceFlags, type AllreduceOptions, readAllreduceOptions } from './arguments.ts';
export { type Contestant, type Group, joinTurns, type Turn } from './group.ts';
export { runAllreduceBenchmark } from './run.ts';
