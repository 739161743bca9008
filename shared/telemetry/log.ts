import { type DestinationStream, pino } from 'pino';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log. `fields` are facts for machines; `message` is a sentence for people. An `error` field gets its stack. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with `fields` on each line. */
  with(fields: LogFields): Log;
}

export interface LogOptions {
  /** 'warn' by default, so that the progress line of a run in the foreground stays readable. */
  readonly level?: LogLevel;
  /** 'json' gives one object per line, for collectors; 'pretty' is for people. */
  readonly format?: 'json' | 'pretty';
  /** Which part of Lockstep speaks: 'coordinator', 'worker', 'launcher'. */
  readonly component: string;
  readonly worker?: string;
  /** Receives whole lines with their line ends; stderr by default. stdout belongs to results. */
  readonly write?: (line: string) => void;
}

export function createLog(options: LogOptions): Log {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const destination: DestinationStream =
    options.format === 'pretty' ? { write: (line) => write(prettyLine(line)) } : { write };
  const logger = pino(
    {
      level: options.level ?? 'warn',
      base: { component: options.component, ...(options.worker === undefined ? {} : { worker: options.worker }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    destination,
  );
  return wrap(logger);
}

/** A log that drops everything, for tests and for embedding. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    with: (fields) => wrap(logger.child(fields)),
  };
}

/** `12:30:01.250 warn coordinator message  key=value` from a JSON line; a line of another kind is passed on as it is. */
export function prettyLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, component, worker, msg, error, ...rest } = record;
  const who = worker === undefined ? String(component) : `${String(component)} ${String(worker)}`;
  const facts = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const head = `${String(time).slice(11, 23)} ${String(level)} ${who}: ${String(msg)}`;
  const stack = (error as { stack?: string } | undefined)?.stack;
  return `${[head, ...facts].join('  ')}\n${stack === undefined ? '' : `${stack}\n`}`;
}
