import { createHash } from 'node:crypto';
import type { DatasetDescription } from '../../../shared/job/index.ts';
import { withoutLocations } from '../../../shared/job/index.ts';

/**
 * What transforms measured over a data set, by what was measured over which: a vocabulary, a mean. A run hands it from
 * data set to data set and keeps it with the model, so that validation and prediction use the very same.
 */
export class Adaptations {
  readonly #known: Readonly<Record<string, unknown>>;
  readonly #used: Record<string, unknown> = {};

  constructor(known: Readonly<Record<string, unknown>> = {}) {
    this.#known = known;
  }

  /** The known value of (what, dataset), else what `measure` gives; plain data, which JSON keeps. */
  async get<Value>(what: object, dataset: DatasetDescription, measure: () => Promise<Value>): Promise<Value> {
    const key = keyOf(what, dataset);
    const known = this.#used[key] ?? this.#known[key] ?? (await measure());
    this.#used[key] = known;
    return known as Value;
  }

  used(): Readonly<Record<string, unknown>> {
    return this.#used;
  }
}

function keyOf(what: object, dataset: DatasetDescription): string {
  const text = JSON.stringify([what, withoutLocations(dataset)]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
