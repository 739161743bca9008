export * from './model.ts';
export { type Recovered, recoverRun } from './recover.ts';
export { reduce } from './reduce.ts';
export { activeOf, createRunState, isOver, openLinks } from './state.ts';
