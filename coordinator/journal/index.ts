export { Journal, type JournalRecord, readJournal, type StoredRecord } from './journal.ts';
export { type LockOwner, RunLock, type StartOf } from './lock.ts';
