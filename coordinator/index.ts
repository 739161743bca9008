export { Journal, type JournalRecord, readJournal, type StoredRecord } from './journal/index.ts';
export { Coordinator, runCoordinator } from './main.ts';
export type { CoordinatorOptions } from './options.ts';
export type { Terminal } from './progress.ts';
export type { EvaluationMeans, RunResult } from './result.ts';
