export { Journal, type JournalRecord, readJournal, type StoredRecord } from './journal.ts';
