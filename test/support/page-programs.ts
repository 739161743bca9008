import { readFileSync } from 'node:fs';

/** The code of one language in a section of a page: all of its blocks, one after the other. */
export function programOf(page: string, section: string, language: string): string {
  const text = readFileSync(page, 'utf8');
  const body = text.split(/^## /m).find((part) => part.startsWith(section));
  if (body === undefined) throw new Error(`${page} has no section ${section}`);
  const blocks = [...body.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, tag]) => tag === language);
  if (blocks.length === 0) throw new Error(`${section} has no ${language}`);
  return blocks.map(([, , code]) => code).join('\n');
}
