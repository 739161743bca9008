/** Who has to react to an error, and how. */
export type ErrorAction = 'rejoin' | 'retry' | 'discard' | 'restart' | 'fatal';

/**
 * Every code that Lockstep raises, with what it means. The list is closed: a new failure gets a new entry here,
 * and `docs/errors.md` is generated from it.
 */
export const errorCodes = {
  'config/invalid': 'An option, environment variable or configuration file holds a value that is not allowed.',
  'config/unknown': 'An option that Lockstep does not know.',
  'config/insecure': 'A listener beyond loopback without mutual TLS and without --insecure.',
  'job/not-found': 'The job file does not exist.',
  'job/threw': 'The job file, or a function in it, threw an error.',
  'job/invalid': 'The job does not have the shape that defineJob describes.',
  'job/mismatch': 'A worker runs another job, version or device class than the run.',
  'data/missing': 'A data directory or file does not exist.',
  'data/corrupt': 'A data file is truncated or holds values outside of its format.',
  'data/shape': 'The model does not fit the shape of the data.',
  'data/failed': 'A data set could not be read, or its loader thread ended unexpectedly.',
  'data/empty': 'A data set without samples.',
  'engine/unavailable': 'The engine cannot be loaded on this machine.',
  'engine/unsupported': 'The engine cannot run this model or option.',
  'engine/failed': 'TensorFlow reported an error while running the step.',
  'engine/impure': 'The step depends on something that a compiled graph cannot follow.',
  'engine/non-finite': 'The loss or a gradient is not a finite number.',
  'rpc/unreachable': 'A process could not be reached before the deadline.',
  'rpc/address-in-use': 'The port to listen on is taken.',
  'rpc/connection-lost': 'The connection to another process broke.',
  'rpc/protocol': 'Another process sent bytes that are not a message of this protocol.',
  'rpc/slow-reader': 'Another process does not read what it is sent; its queue reached its limit.',
  'rpc/refused': 'The coordinator refused this worker.',
  'collective/timeout': 'A peer did not deliver its part of a bucket in time.',
  'collective/corrupt': 'A peer sent bytes that fail their checksum or do not fit the request.',
  'collective/stale': 'A message of another run or generation.',
  'run/worker-lost': 'A worker died, stalled or lost its connection.',
  'run/evicted': 'The coordinator put this worker out of the run, which goes on without it.',
  'run/coordinator-lost': 'The coordinator died or cannot be reached any more.',
  'run/diverged': 'Workers ended with different weights.',
  'run/interrupted': 'The user stopped the run.',
  'run/waiting': 'Too few workers joined before the deadline.',
  'checkpoint/missing': 'There is no model at the given path.',
  'checkpoint/corrupt': 'A saved model is torn, altered or of another format.',
  'checkpoint/mismatch': 'A saved model does not fit the job’s model.',
  'checkpoint/unsupported': 'A model holds something that the other format has no equal for.',
  'checkpoint/write': 'The model could not be written.',
  'journal/corrupt': 'The journal holds a record that fails its checksum before its end.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorOptions {
  /** Facts of the failure for machines: ranks, steps, bytes. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  readonly action?: ErrorAction;
}

/** What crosses a thread or a wire in place of a LockstepError. */
export interface ErrorRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly action: ErrorAction;
  readonly details: Readonly<Record<string, unknown>>;
  /** The stack of the user's own error, where one was the cause. */
  readonly causeStack?: string;
}

/** The one error class: `message` says what, who, numbers with units and what happens next. */
export class LockstepError extends Error {
  readonly code: ErrorCode;
  readonly action: ErrorAction;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LockstepError';
    this.code = code;
    this.action = options.action ?? 'fatal';
    this.details = options.details ?? {};
  }

  toRecord(): ErrorRecord {
    const causeStack = this.cause instanceof Error ? (this.cause.stack ?? this.cause.message) : undefined;
    return {
      code: this.code,
      message: this.message,
      action: this.action,
      details: this.details,
      ...(causeStack === undefined ? {} : { causeStack }),
    };
  }

  static fromRecord(record: ErrorRecord): LockstepError {
    const error = new LockstepError(record.code, record.message, {
      details: record.details,
      action: record.action,
    });
    if (record.causeStack !== undefined) {
      const cause = new Error(record.causeStack.split('\n', 1)[0] ?? '');
      cause.stack = record.causeStack;
      error.cause = cause;
    }
    return error;
  }

  /** `error` itself if it is a LockstepError, else one with `code` that has it as its cause. */
  static from(error: unknown, code: ErrorCode, prefix = ''): LockstepError {
    if (error instanceof LockstepError) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new LockstepError(code, `${prefix}${text}`, { cause: error });
  }
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}
