export { checkpointSettings } from './checkpoint-options.ts';
export { type Command, commands, envOf, flagOf } from './definition.ts';
export { type AnyOption, type OptionName, optionNames, optionOf, optionsOf, type ResolvedOptions } from './options.ts';
export { defaultConfigFile, readConfigFile } from './read-file.ts';
export { describeDefault, referencePage } from './reference.ts';
export { type ConfigFile, type FlagValues, resolveOptions } from './resolve.ts';
export type { CheckpointInterval, CheckpointSettings, RunSettings, Verbosity } from './settings.ts';
