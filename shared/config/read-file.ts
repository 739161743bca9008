import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { LockstepError } from '../core/index.ts';
import type { ConfigFile } from './resolve.ts';

export const defaultConfigFile = 'lockstep.config.json';

/**
 * Reads the configuration file: `given` (from --config or LOCKSTEP_CONFIG), or lockstep.config.json in `directory`
 * if there is one. @throws LockstepError config/invalid
 */
export function readConfigFile(given: string | null, directory: string): ConfigFile | null {
  const path = given ?? defaultConfigFile;
  const absolute = resolve(directory, path);
  if (given === null && !existsSync(absolute)) return null;
  let content: string;
  try {
    content = readFileSync(absolute, 'utf8');
  } catch (cause) {
    throw new LockstepError('config/invalid', `--config ${path}: cannot be read (${(cause as Error).message})`, {
      cause,
    });
  }
  return { path, values: parse(path, content) };
}

function parse(path: string, content: string): Record<string, unknown> {
  let values: unknown;
  try {
    values = JSON.parse(content);
  } catch (cause) {
    throw new LockstepError('config/invalid', `${path}: not valid JSON (${(cause as Error).message})`, { cause });
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new LockstepError(
      'config/invalid',
      `${path}: expected one JSON object whose keys are options, such as {"workers": 2}`,
    );
  }
  return values as Record<string, unknown>;
}
