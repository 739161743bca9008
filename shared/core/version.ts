import { readFileSync } from 'node:fs';

/** The version of this package: equal on all processes of a run. */
export function packageVersion(): string {
  // From dist/shared/core/.
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
