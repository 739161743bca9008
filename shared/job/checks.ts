import { LockstepError } from '../core/index.ts';

/** @throws LockstepError job/invalid unless `value` is a whole number of at least 1 */
export function checkCount(field: string, value: unknown): asserts value is number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return;
  throw new LockstepError('job/invalid', `${field} must be a whole number of at least 1, got ${show(value)}.`);
}

/** @throws LockstepError job/invalid */
export function checkWhole(field: string, value: unknown): asserts value is number {
  if (Number.isSafeInteger(value)) return;
  throw new LockstepError('job/invalid', `${field} must be a whole number, got ${show(value)}.`);
}

/** @throws LockstepError job/invalid unless `value` is a whole number of at least 0 */
export function checkNatural(field: string, value: unknown): asserts value is number {
  checkWhole(field, value);
  if (value < 0) throw new LockstepError('job/invalid', `${field} must not be below 0, got ${value}.`);
}

/** @throws LockstepError job/invalid */
export function checkFinite(field: string, value: unknown): asserts value is number {
  if (Number.isFinite(value)) return;
  throw new LockstepError('job/invalid', `${field} must be a finite number, got ${show(value)}.`);
}

/** @throws LockstepError job/invalid unless `value` is a finite number from `low` to `high` */
export function checkBetween(field: string, value: unknown, low: number, high: number): asserts value is number {
  if (Number.isFinite(value) && (value as number) >= low && (value as number) <= high) return;
  throw new LockstepError('job/invalid', `${field} must be a number from ${low} to ${high}, got ${show(value)}.`);
}

/** A value as a message quotes it: short, and telling of its type. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a ${name}` : `an object {${Object.keys(value).join(', ')}}`;
}
