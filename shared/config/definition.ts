import type { OptionValue } from './values.ts';

/** Subcommands of `lockstep`, in the order of the reference page. */
export const commands = [
  'train',
  'evaluate',
  'predict',
  'run',
  'export',
  'profile',
  'coordinator',
  'worker',
  'demo',
  'doctor',
  'certs',
] as const;

export type Command = (typeof commands)[number];

/** One option: the same thing as flag, environment variable and key of the configuration file. */
export interface OptionDefinition<T, C extends Command, D extends T | null, R extends Command> {
  readonly value: OptionValue<T>;
  readonly description: string;
  readonly commands: readonly C[];
  readonly default: D;
  /** Defaults of single commands that differ from `default`. */
  readonly commandDefaults: Partial<Readonly<Record<Command, T>>>;
  /** What stands for the default in texts, where the value alone would not tell. */
  readonly defaultText: string | null;
  /** Commands that cannot do without it. */
  readonly requiredBy: readonly R[];
  /** Environment variables of others that are read when LOCKSTEP_… is absent. */
  readonly foreignEnv: readonly string[];
  /** Not shown in messages and not taken from the file's errors. */
  readonly secret: boolean;
}

interface Facts<T, C extends Command, D extends T | null, R extends Command> {
  readonly description: string;
  readonly commands: readonly C[];
  readonly default: D;
  readonly commandDefaults?: Partial<Readonly<Record<Command, T>>>;
  readonly defaultText?: string;
  readonly requiredBy?: readonly R[];
  readonly foreignEnv?: readonly string[];
  readonly secret?: boolean;
}

export function define<T, const C extends Command, const D extends T | null, const R extends Command = never>(
  value: OptionValue<T>,
  facts: Facts<T, C, D, R>,
): OptionDefinition<T, C, D, R> {
  return {
    value,
    description: facts.description,
    commands: facts.commands,
    default: facts.default,
    commandDefaults: facts.commandDefaults ?? {},
    defaultText: facts.defaultText ?? null,
    requiredBy: facts.requiredBy ?? [],
    foreignEnv: facts.foreignEnv ?? [],
    secret: facts.secret ?? false,
  };
}

/** `maxSteps` → `--max-steps` */
export function flagOf(name: string): string {
  return `--${kebab(name)}`;
}

/** `maxSteps` → `LOCKSTEP_MAX_STEPS` */
export function envOf(name: string): string {
  return `LOCKSTEP_${kebab(name).replaceAll('-', '_').toUpperCase()}`;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
