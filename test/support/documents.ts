import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Command, commands, flagOf, optionsOf } from '../../shared/config/index.ts';
import { repositoryRoot } from './repository.ts';

/** A page for people: README.md, CHANGELOG.md, and all of docs/. */
export interface Page {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
}

export function readPages(): Page[] {
  const docs = readdirSync(join(repositoryRoot, 'docs'), { recursive: true }) as string[];
  return [
    'README.md',
    'CHANGELOG.md',
    ...docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ].map((path) => ({ path, text: readFileSync(join(repositoryRoot, path), 'utf8') }));
}

/** Links to files or headings that don't exist, as `page: target`. */
export function brokenLinks({ path, text }: Page): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target) && !isThere(path, target))
    .map((target) => `${path}: ${target}`);
}

function isThere(page: string, target: string): boolean {
  const [file = '', heading] = target.split('#');
  const absolute = file === '' ? join(repositoryRoot, page) : join(repositoryRoot, dirname(page), file);
  if (!existsSync(absolute)) return false;
  if (heading === undefined) return true;
  return headings(readFileSync(absolute, 'utf8')).includes(heading);
}

/** Anchors as the usual renderers make them. */
function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Flags of `lockstep COMMAND …` lines that the command doesn't have, and commands that don't exist. */
export function unknownUsage({ path, text }: Page): string[] {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').matchAll(/\blockstep (?<command>[a-z]+)(?<rest>[^\n`]*)/g);
  const others = ['bench'];
  return [...lines].flatMap(({ groups }) => {
    const { command = '', rest = '' } = groups ?? {};
    const flags = rest.match(/(?<=\s)--[a-z][a-z-]*/g) ?? [];
    if (others.includes(command)) return [];
    if (!(commands as readonly string[]).includes(command)) {
      // "lockstep" also begins sentences and names; with a flag behind it, it is a command line.
      return flags.length === 0 ? [] : [`${path}: lockstep ${command}`];
    }
    const known = ['--config', '--help', ...optionsOf(command as Command).map(flagOf)];
    return flags.filter((flag) => !known.includes(flag)).map((flag) => `${path}: lockstep ${command} ${flag}`);
  });
}

/** The fenced code blocks of a language. */
export function codeBlocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');
}
