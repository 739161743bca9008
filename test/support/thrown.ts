import assert from 'node:assert/strict';
import { type ErrorCode, LockstepError } from '../../shared/core/index.ts';

/** What `run` throws; it must be a LockstepError with `code`. */
export function thrown(code: ErrorCode, run: () => unknown): LockstepError {
  try {
    run();
  } catch (error) {
    return checked(code, error);
  }
  throw new assert.AssertionError({ message: `nothing was thrown, expected ${code}` });
}

/** As `thrown`, for what a promise rejects with. */
export async function rejected(code: ErrorCode, promise: Promise<unknown>): Promise<LockstepError> {
  try {
    await promise;
  } catch (error) {
    return checked(code, error);
  }
  throw new assert.AssertionError({ message: `nothing was rejected, expected ${code}` });
}

function checked(code: ErrorCode, error: unknown): LockstepError {
  assert.ok(error instanceof LockstepError, `expected a LockstepError, got ${error}`);
  assert.equal(error.code, code, error.message);
  return error;
}
