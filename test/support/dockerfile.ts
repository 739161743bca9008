/** One instruction with its continuation lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
  /** Stage it belongs to, from 0; −1 before the first FROM. */
  readonly stage: number;
}

export interface DockerFacts {
  /** Files of the repository, relative to its root. */
  readonly files: readonly string[];
  /** Lines of the .dockerignore. */
  readonly ignored: readonly string[];
  /** npm scripts. */
  readonly scripts: readonly string[];
  /** Folders that `tsc -b` builds. */
  readonly projects: readonly string[];
  /** File that `lockstep` is, from package.json's bin. */
  readonly bin: string;
  /** Variables that set-up reads. */
  readonly setupVariables: readonly string[];
}

export function parseDockerfile(text: string): Instruction[] {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  let stage = -1;
  return lines.map((line) => {
    const [name = '', ...rest] = line.split(/\s+/);
    if (name === 'FROM') stage++;
    return { name, text: rest.join(' '), stage };
  });
}

/** What in a Dockerfile names things that don't exist, and what a container must not be. */
export function dockerfileProblems(instructions: readonly Instruction[], facts: DockerFacts): string[] {
  const last = Math.max(...instructions.map(({ stage }) => stage));
  const users = instructions.filter(({ name, stage }) => name === 'USER' && stage === last);
  const text = instructions.map((instruction) => `${instruction.name} ${instruction.text}`).join('\n');
  const copied = instructions.filter(({ name, text: rest }) => name === 'COPY' && !rest.startsWith('--from='));
  const sources = copied.flatMap(({ text: rest }) => rest.split(' ').slice(0, -1));
  const rules: [boolean, string][] = [
    [users.length > 0 && !/^(root|0)\b/.test(users.at(-1)?.text ?? 'root'), 'runs as root'],
    [/^ENTRYPOINT \["lockstep"\]$/m.test(text), 'the entry point is not lockstep'],
    [text.includes(`ln -s /lockstep/${facts.bin} /usr/local/bin/lockstep`), `lockstep is not ${facts.bin}`],
  ];
  return [
    ...rules.flatMap(([holds, problem]) => (holds ? [] : [problem])),
    ...sources.filter((source) => !exists(source, facts)).map((source) => `COPY ${source}: not in the repository`),
    ...sources
      .filter((source) => isIgnored(source, facts))
      .map((source) => `COPY ${source}: left out by .dockerignore`),
    ...facts.projects.filter((project) => !sources.includes(project)).map((project) => `the build needs ${project}`),
    ...[...text.matchAll(/npm run ([\w-]+)/g)]
      .filter((match) => !facts.scripts.includes(match[1] ?? ''))
      .map((match) => `no script ${match[1]}`),
    ...[...text.matchAll(/\b(LOCKSTEP_\w+)=/g)]
      .filter((match) => !facts.setupVariables.includes(match[1] ?? ''))
      .map((match) => `set-up reads no ${match[1]}`),
    ...stageProblems(instructions),
  ];
}

function exists(source: string, { files }: DockerFacts): boolean {
  return files.some((file) => file === source || file.startsWith(`${source}/`));
}

function isIgnored(source: string, { ignored }: DockerFacts): boolean {
  return ignored.some((pattern) => {
    const expression = pattern
      .replaceAll('.', '\\.')
      .replace(/^\*\*\//, '(.*/)?')
      .replaceAll(/(?<!\.)\*/g, '[^/]*');
    return new RegExp(`^${expression}(/|$)`).test(source);
  });
}

/** COPY --from names a stage that came before, and what it takes was made there. */
function stageProblems(instructions: readonly Instruction[]): string[] {
  const stages = instructions.flatMap(({ name, text }) =>
    name === 'FROM' ? [/ AS (\w+)$/.exec(text)?.[1] ?? ''] : [],
  );
  const copied = instructions
    .filter(({ name, text, stage }) => name === 'COPY' && stage === 0 && !text.startsWith('--from='))
    .flatMap(({ text }) => text.split(' ').slice(0, -1));
  const there = ['node_modules', 'dist', ...copied];
  return instructions.flatMap(({ name, text, stage }) => {
    const from = /^--from=(\w+) (.*) \S+$/.exec(text);
    if (name !== 'COPY' || from === null) return [];
    if (!stages.slice(0, stage).includes(from[1] ?? '')) return [`COPY --from=${from[1]}: no such stage before`];
    return (from[2] ?? '')
      .split(' ')
      .filter((path) => path.startsWith('/lockstep/'))
      .map((path) => path.slice('/lockstep/'.length))
      .filter((path) => !there.some((known) => path === known || path.startsWith(`${known}/`)))
      .map((path) => `COPY --from=${from[1]} /lockstep/${path}: not there`);
  });
}
