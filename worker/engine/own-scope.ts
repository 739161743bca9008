type Within = <T>(scope: string, fn: () => T) => T;

let current: Within = (_scope, fn) => fn();

/** While `fn` runs, what the job's own loss and metrics do happens inside of a scope that `within` opens. */
export function withOwnScopes<T>(within: Within, fn: () => T): T {
  const before = current;
  current = within;
  try {
    return fn();
  } finally {
    current = before;
  }
}

/** Runs a loss or metric of the job's own in its scope. */
export function inOwnScope<T>(scope: string, fn: () => T): T {
  return current(scope, fn);
}

const LOSS = 'job.loss';
const METRIC = 'job.metric.';

export const ownScope = { loss: LOSS, metric: (name: string) => `${METRIC}${name}` } as const;

/** What a scope is called in messages: a layer's own name, or the function that the job gave. */
export function placeText(scope: string): string {
  if (scope === LOSS) return 'the job’s loss';
  return scope.startsWith(METRIC) ? `the job’s metric ${scope.slice(METRIC.length)}` : `layer ${scope}`;
}
