import { writeFile } from 'node:fs/promises';
import { LockstepError } from '../../shared/core/index.ts';
import { encodeGraph, type Trainer } from '../engine/index.ts';

/**
 * Writes the graph that `trainer` runs to a file: a GraphDef, as text where the name ends in `.pbtxt`.
 * @throws LockstepError config/invalid
 */
export async function dumpGraph({ inspection }: Trainer, file: string): Promise<void> {
  if (inspection === undefined) {
    throw new LockstepError(
      'config/invalid',
      `--dump-graph ${file}: op by op there is no graph; train by the compiled step of the tensorflow engine`,
    );
  }
  try {
    await writeFile(file, encodeGraph(inspection, file.endsWith('.pbtxt') ? 'text' : 'binary'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('config/invalid', `--dump-graph ${file} cannot be written: ${reason}`, { cause });
  }
}
