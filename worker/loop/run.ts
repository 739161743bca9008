import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { RunSettings } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import { type Engine, seedRandomNumbers } from '../engine/index.ts';
import { importModule, type Link } from '../session/index.ts';
import { withSession } from './connect.ts';
import { loopFacts, Session } from './session.ts';

export interface LoopOptions {
  /** The user's program. */
  readonly file: string;
  readonly fileHash: string;
  readonly settings: RunSettings;
  readonly dataDirectory: string | undefined;
  readonly out: string;
}

/**
 * A worker's part in a run of a hand-written loop: the program runs while it is loaded, and the run ends with it.
 * @throws LockstepError job/threw with the program's own error, job/invalid where it never calls connect()
 */
export async function runLoop(options: LoopOptions, link: Link, engine: Engine): Promise<void> {
  const { file, fileHash, settings, dataDirectory, out } = options;
  const name = basename(file);
  const jobHash = createHash('sha256')
    .update(JSON.stringify([fileHash, settings]))
    .digest('hex');
  // Other lengths for each call, told as they are made.
  link.send({
    kind: 'ready',
    jobHash,
    facts: loopFacts(name, settings.replicas),
    bucketLengths: null,
    bucketFormats: [],
    sparse: false,
  });
  const { generation } = await link.receive('generation');
  const session = new Session({ link, engine, settings, generation, dataDirectory, out, name });
  const restoreRandom = seedRandomNumbers(session.seed);
  try {
    const isConnected = await withSession(session, async () => {
      await importModule(file);
    });
    if (!isConnected) {
      throw new LockstepError(
        'job/invalid',
        `${file} ended without calling connect(): a loop begins with const session = await connect()`,
      );
    }
    await session.finish();
  } finally {
    restoreRandom();
    await session.close();
  }
}
