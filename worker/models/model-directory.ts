import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The model of a run's output directory, or the directory itself. */
export function modelDirectory(path: string): string {
  const inRun = join(path, 'model');
  return !existsSync(join(path, 'model.json')) && existsSync(join(inRun, 'model.json')) ? inRun : path;
}
