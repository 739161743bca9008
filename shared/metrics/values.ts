import type { MetricDefinition, MetricValue } from './definition.ts';
import { metricValue } from './value.ts';

/** Lengths of all sums together. */
export function totalWidth(definitions: readonly MetricDefinition[]): number {
  return definitions.reduce((sum, { width }) => sum + width, 0);
}

/** The values of all metrics, by name. @param sums one after another, in the definitions' order */
export function metricValues(
  definitions: readonly MetricDefinition[],
  sums: readonly number[],
  samples: number,
): Record<string, MetricValue> {
  let start = 0;
  const entries = definitions.map((definition) => {
    const own = sums.slice(start, start + definition.width);
    start += definition.width;
    return [definition.name, metricValue(definition, own, samples)] as const;
  });
  return Object.fromEntries(entries);
}

/** Those that are one number: what progress, callbacks and Prometheus show. */
export function scalarsOf(values: Readonly<Record<string, MetricValue>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

/** The names that `scalarsOf` will give, whatever the sums. */
export function scalarNames(definitions: readonly MetricDefinition[]): string[] {
  return Object.keys(scalarsOf(metricValues(definitions, new Array<number>(totalWidth(definitions)).fill(0), 1)));
}
