import type { Command, OptionDefinition } from './definition.ts';
import { optionDefinitions } from './schema.ts';
import type { OptionValue } from './values.ts';

type Definitions = typeof optionDefinitions;

export type OptionName = keyof Definitions;

type ValueFor<Definition extends Definitions[OptionName], C extends Command> =
  Definition['value'] extends OptionValue<infer T>
    ? C extends Definition['requiredBy'][number]
      ? T
      : null extends Definition['default']
        ? T | null
        : T
    : never;

/** All options of command `C`, each with its value: given, default, or `null` where it may be absent. */
export type ResolvedOptions<C extends Command> = {
  readonly [K in OptionName as C extends Definitions[K]['commands'][number] ? K : never]: ValueFor<Definitions[K], C>;
};

/** Any definition, where only texts and checks are of interest. */
export type AnyOption = OptionDefinition<unknown, Command, unknown, Command>;

export const optionNames = Object.keys(optionDefinitions) as OptionName[];

export function optionOf(name: OptionName): AnyOption {
  return optionDefinitions[name] as unknown as AnyOption;
}

export function optionsOf(command: Command): OptionName[] {
  return optionNames.filter((name) => optionOf(name).commands.includes(command));
}
