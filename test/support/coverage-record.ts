import { appendFileSync } from 'node:fs';
import type { CoverageKind, Proof } from './coverage-rows.ts';

/** What a row of docs/coverage.md says of one thing, and the test that found it. */
export interface Finding {
  readonly kind: CoverageKind;
  readonly row: string;
  readonly proof: Proof;
  readonly ok: boolean;
}

/** Runs a check; `npm run coverage-table` is told whether it held, for each of the rows. */
export async function proving<T>(
  rows: readonly { readonly kind: CoverageKind; readonly row: string }[],
  proof: Proof,
  check: () => T | Promise<T>,
): Promise<T> {
  try {
    const result = await check();
    record(rows, proof, true);
    return result;
  } catch (error) {
    record(rows, proof, false);
    throw error;
  }
}

function record(rows: readonly { kind: CoverageKind; row: string }[], proof: Proof, ok: boolean): void {
  const file = process.env['LOCKSTEP_COVERAGE'];
  if (file === undefined) return;
  const lines = rows.map(({ kind, row }) => `${JSON.stringify({ kind, row, proof, ok } satisfies Finding)}\n`);
  appendFileSync(file, lines.join(''));
}
