import { type Command as CommandLine, Option } from 'commander';
import {
  type Command,
  describeDefault,
  envOf,
  flagOf,
  type OptionName,
  optionOf,
  optionsOf,
  type ResolvedOptions,
  readConfigFile,
  resolveOptions,
} from '../shared/config/index.ts';
import { LockstepError } from '../shared/core/index.ts';

/** Gives `line` the flags of `command` from the schema. Values stay text: the schema reads and checks them. */
export function addOptions(line: CommandLine, command: Command): CommandLine {
  for (const name of optionsOf(command)) {
    line.addOption(flagFor(name, command));
    if (optionOf(name).value.placeholder === null) {
      line.addOption(new Option(flagOf(name).replace('--', '--no-')).hideHelp());
    }
  }
  return line.option('--config <FILE>', 'Configuration file (default: lockstep.config.json, if there is one)');
}

function flagFor(name: OptionName, command: Command): Option {
  const option = optionOf(name);
  const { placeholder } = option.value;
  const flags = placeholder === null ? flagOf(name) : `${flagOf(name)} <${placeholder}>`;
  const isRequired = option.requiredBy.includes(command);
  const note = isRequired ? 'required' : `default: ${describeDefault(option, command)}`;
  return new Option(flags, `${option.description} (${note})`);
}

/**
 * The options of `command` from the flags that `line` parsed, the environment and the configuration file.
 * @throws LockstepError config/…
 */
export function readOptions<C extends Command>(command: C, line: CommandLine): ResolvedOptions<C> {
  const flags: Record<string, string | boolean | undefined> = {};
  for (const [name, value] of Object.entries(line.opts())) {
    // Commander sets a switch that has a --no- form to true or leaves it out; only what the user typed counts.
    if (line.getOptionValueSource(name) === 'cli') flags[name] = value as string | boolean;
  }
  const { config, ...others } = flags;
  const given = typeof config === 'string' ? config : process.env[envOf('config')] || null;
  const resolved = resolveOptions(command, others, process.env, readConfigFile(given, process.cwd()));
  if (resolved instanceof LockstepError) throw resolved;
  return resolved;
}
