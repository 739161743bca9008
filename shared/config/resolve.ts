import { LockstepError, nearest } from '../core/index.ts';
import { checkTogether } from './constraints.ts';
import { type Command, envOf, flagOf } from './definition.ts';
import { type OptionName, optionNames, optionOf, optionsOf, type ResolvedOptions } from './options.ts';

/** What a command line held: text for options with a value, true or false for switches. */
export type FlagValues = Readonly<Record<string, string | boolean | undefined>>;

/** A configuration file after JSON.parse. */
export interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Given {
  /** The place and value as the user wrote them: `--workers 0`. */
  readonly shown: string;
  readonly value: unknown;
}

/**
 * Decides each option of `command`: flag over environment variable over configuration file over default. Reads
 * nothing and opens nothing. Returns the error, config/invalid, config/unknown or config/insecure, of the first
 * wrong one.
 */
export function resolveOptions<C extends Command>(
  command: C,
  flags: FlagValues,
  env: Environment,
  file: ConfigFile | null,
): ResolvedOptions<C> | LockstepError {
  try {
    const ranged = file === null ? null : { ...file, values: splitRange(file.values, 'workers', 'minWorkers', Number) };
    if (ranged !== null) checkFile(ranged);
    const given = splitRange(flags, 'workers', 'minWorkers', String);
    const variables = splitRange(env, envOf('workers'), envOf('minWorkers'), String);
    const resolved: Partial<Record<OptionName, unknown>> = {};
    for (const name of optionsOf(command)) resolved[name] = resolveOne(command, name, given, variables, ranged);
    checkTogether(command, resolved);
    return resolved as unknown as ResolvedOptions<C>;
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
}

/** `--workers 2:8` is `--min-workers 2 --workers 8`, wherever it is written. */
function splitRange<T>(
  values: Readonly<Record<string, T>>,
  most: string,
  fewest: string,
  toValue: (text: string | undefined) => T,
): Readonly<Record<string, T>> {
  const range = /^(\d+):(\d+)$/.exec(String(values[most] ?? ''));
  if (range === null) return values;
  return { ...values, [most]: toValue(range[2]), [fewest]: toValue(range[1]) };
}

/** One file serves all commands, so options of other commands are fine in it; names that no command has are not. */
function checkFile(file: ConfigFile): void {
  for (const [name, value] of Object.entries(file.values)) {
    if (!isOptionName(name)) {
      const near = nearest(name, optionNames);
      const hint = near === undefined ? 'docs/configuration.md lists all' : `did you mean "${near}"?`;
      throw new LockstepError('config/unknown', `${file.path}: unknown key "${name}"; ${hint}`, {
        details: { option: name, source: 'file' },
      });
    }
    validate(name, inFile(file, name, value));
  }
}

function isOptionName(name: string): name is OptionName {
  return (optionNames as readonly string[]).includes(name);
}

function resolveOne(
  command: Command,
  name: OptionName,
  flags: FlagValues,
  env: Environment,
  file: ConfigFile | null,
): unknown {
  const option = optionOf(name);
  const given = fromFlag(name, flags) ?? fromEnvironment(name, env) ?? fromFile(name, file);
  if (given !== null) return validate(name, given);
  if (option.requiredBy.includes(command)) {
    throw new LockstepError(
      'config/invalid',
      `${flagOf(name)} is missing: expected ${option.value.expected} (or ${envOf(name)}, or "${name}" in the configuration file)`,
      { details: { option: name } },
    );
  }
  return option.commandDefaults[command] ?? option.default;
}

function fromFlag(name: OptionName, flags: FlagValues): Given | null {
  const given = flags[name];
  if (given === undefined) return null;
  if (typeof given === 'boolean') return { shown: flagOf(name), value: given };
  return { shown: `${flagOf(name)} ${hide(name, given)}`, value: optionOf(name).value.fromText(given) };
}

/** An empty variable counts as absent: that is how shells and manifests unset one. */
function fromEnvironment(name: OptionName, env: Environment): Given | null {
  const option = optionOf(name);
  const variable = [envOf(name), ...option.foreignEnv].find((candidate) => (env[candidate] ?? '') !== '');
  if (variable === undefined) return null;
  const given = env[variable] ?? '';
  return { shown: `${variable}=${hide(name, given)}`, value: option.value.fromText(given) };
}

function fromFile(name: OptionName, file: ConfigFile | null): Given | null {
  if (file === null || !Object.hasOwn(file.values, name)) return null;
  return inFile(file, name, file.values[name]);
}

function inFile(file: ConfigFile, name: OptionName, value: unknown): Given {
  return { shown: `${file.path}: "${name}": ${hide(name, JSON.stringify(value))}`, value };
}

function hide(name: OptionName, given: string): string {
  return optionOf(name).secret ? '***' : given;
}

function validate(name: OptionName, given: Given): unknown {
  const { value } = optionOf(name);
  const result = value.schema.safeParse(given.value);
  if (result.success) return result.data;
  throw new LockstepError('config/invalid', `${given.shown}: expected ${value.expected}`, {
    details: { option: name },
  });
}
