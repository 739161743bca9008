import { LockstepError } from '../../shared/core/index.ts';
import type { Session } from './session.ts';

let session: Session | undefined;
let isConnected = false;

/**
 * This worker's part in the run that `lockstep run` started: called at the top of a program of your own.
 * @throws LockstepError job/invalid in a process that is no worker of a loop
 */
export async function connect(): Promise<Session> {
  if (session === undefined) {
    throw new LockstepError(
      'job/invalid',
      'connect() is for programs that lockstep run starts: lockstep run loop.ts --workers 2',
    );
  }
  isConnected = true;
  return session;
}

/** While `program` runs, connect() gives `connected`. @returns whether it was asked for */
export async function withSession(connected: Session, program: () => Promise<void>): Promise<boolean> {
  session = connected;
  isConnected = false;
  try {
    await program();
    return isConnected;
  } finally {
    session = undefined;
  }
}
