import { LockstepError } from '../../shared/core/index.ts';
import type { NetworkNode } from '../network/index.ts';
import { LaunchedChild } from './child.ts';
import { coordinatorName } from './decide.ts';
import type { CoordinatorStart } from './messages.ts';

/** A coordinator in a process of its own, for workers that the caller starts. */
export interface CoordinatorProcess {
  /** Where it listens. */
  readonly address: string;
  /** Resolves when the process has ended, however it did. */
  readonly ended: Promise<void>;
  kill(): void;
}

/** Starts a coordinator that says nothing. @throws LockstepError why it could not listen */
export function startCoordinator(start: CoordinatorStart, node: NetworkNode): Promise<CoordinatorProcess> {
  return new Promise((resolve, reject) => {
    let end: () => void = () => {};
    const ended = new Promise<void>((done) => {
      end = done;
    });
    const child = new LaunchedChild({
      ...{ name: coordinatorName, args: [coordinatorName], env: {}, node },
      module: new URL('./child-main.js', import.meta.url).pathname,
      stdout: () => {},
      stderr: () => {},
      onMessage: (message) => {
        if (message.kind !== 'listening') return;
        resolve({ address: message.address, ended, kill: () => child.signal('SIGKILL') });
      },
      onExit: (code) => {
        const { error, lastLine } = child.words;
        const problem = `the coordinator ended (exit code ${code}) before it listened: ${lastLine}`;
        reject(error === null ? new LockstepError('run/coordinator-lost', problem) : LockstepError.fromRecord(error));
        end();
      },
    });
    child.send({ kind: 'start-coordinator', options: start });
  });
}
