export * from './model.ts';
export { reduce } from './reduce.ts';
export { activeOf, createRunState, isOver, openLinks } from './state.ts';
