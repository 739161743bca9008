import { type Command, envOf, flagOf } from './definition.ts';
import { type AnyOption, optionNames, optionOf } from './options.ts';
import { defaultConfigFile } from './read-file.ts';

/** The default as texts show it; `command` picks its own where commands differ. */
export function describeDefault(option: AnyOption, command?: Command): string {
  const own = command === undefined ? undefined : option.commandDefaults[command];
  if (own !== undefined) return String(own);
  const usual = option.defaultText ?? (option.default === false ? 'off' : String(option.default));
  const others =
    command === undefined
      ? Object.entries(option.commandDefaults).map(([name, other]) => `${name}: ${String(other)}`)
      : [];
  return [usual, ...others].join('; ');
}

/** docs/configuration.md, whole. A test holds the committed page to this. */
export function referencePage(): string {
  const rows = optionNames.map((name) => {
    const option = optionOf(name);
    const { placeholder, expected } = option.value;
    const flag = placeholder === null ? flagOf(name) : `${flagOf(name)} ${placeholder}`;
    const required = option.requiredBy.length === 0 ? '' : ` Required by ${option.requiredBy.join(', ')}.`;
    const foreign = option.foreignEnv.map((variable) => `, \`${variable}\``).join('');
    return [
      `\`${escapeCell(flag)}\``,
      `\`${envOf(name)}\`${foreign}`,
      `\`${name}\``,
      `${option.description}${required} *${escapeCell(capitalize(expected))}.*`,
      escapeCell(describeDefault(option)),
      option.commands.join(', '),
    ];
  });
  const header = ['Flag', 'Environment', 'File key', 'Meaning and allowed values', 'Default', 'Commands'];
  return `${introduction}\n${[header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

const introduction = `# Configuration

<!-- Generated from shared/config/schema.ts by \`npm run docs\`. Change it there. -->

Every option can be given in three ways. A flag wins over an environment variable, which wins over the configuration
file, which wins over the default.

- **Flag**: \`--max-steps 40\`. Switches have a negative form: \`--no-json\`.
- **Environment variable**: \`LOCKSTEP_MAX_STEPS=40\`. An empty one counts as absent; switches take \`true\` or \`false\`.
- **Configuration file**: \`${defaultConfigFile}\` in the current directory, or \`--config FILE\` (\`LOCKSTEP_CONFIG\`). One
  JSON object: \`{ "workers": 4, "maxSteps": 40 }\`. One file serves all commands; a key that none has is an error.

Paths are relative to the current directory. A bad value ends the command with exit code 2 before a socket is opened
or a file written. Set-up reads some variables of its own: see \`npm run setup -- --help\`.
`;

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}
