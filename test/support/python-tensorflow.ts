import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../cli/setup/engine-location.mjs';

/** A Python that imports TensorFlow: the benchmark's own, or the machine's; undefined where there is none. */
export function findPythonWithTensorFlow(): string | undefined {
  const candidates = [process.env['LOCKSTEP_TEST_PYTHON'], join(cacheDirectory(), 'bench/keras/bin/python'), 'python3'];
  return candidates.find((python): python is string => python !== undefined && importsTensorFlow(python));
}

function importsTensorFlow(python: string): boolean {
  if (python.includes('/') && !existsSync(python)) return false;
  try {
    // Finding the module is enough, and much quicker than loading it.
    const check = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("tensorflow") is None)';
    execFileSync(python, ['-c', check], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
