/** One import, re-export, dynamic import or require of a source file. */
export interface ImportSite {
  readonly specifier: string;
  /** From 1. */
  readonly line: number;
}

/**
 * TypeScript or JavaScript with comments and the contents of strings and templates replaced by spaces, so that plain
 * patterns can look for keywords. Offsets and line ends stay as they are.
 */
export function blankOut(text: string): string {
  const out = text.split('');
  // Brace depth at which each open `${` ends.
  const templates: number[] = [];
  let depth = 0;
  let index = 0;
  while (index < text.length) {
    const char = text.charAt(index);
    if (char === '`' || (char === '}' && templates.at(-1) === depth)) {
      if (char === '}') templates.pop();
      const { end, opens } = endOfTemplatePart(text, index + 1);
      blank(out, index + 1, end);
      if (opens) templates.push(depth);
      index = end + (opens ? 2 : 1);
      continue;
    }
    const span = spanAt(text, out, index);
    if (span !== null) blank(out, span.from, span.to);
    if (char === '{') depth++;
    if (char === '}') depth--;
    index = span?.next ?? index + 1;
  }
  return out.join('');
}

function blank(out: string[], from: number, to: number): void {
  for (let index = from; index < to; index++) if (out[index] !== '\n') out[index] = ' ';
}

/** The comment, string or pattern that starts at `index`: what to blank, and where code goes on. */
function spanAt(
  text: string,
  out: readonly string[],
  index: number,
): { from: number; to: number; next: number } | null {
  const char = text.charAt(index);
  const isComment = char === '/' && (text[index + 1] === '/' || text[index + 1] === '*');
  if (isComment) {
    const end = text[index + 1] === '/' ? text.indexOf('\n', index) : text.indexOf('*/', index) + 2;
    const to = end <= 1 ? text.length : end;
    return { from: index, to, next: to };
  }
  if (char === "'" || char === '"') {
    const to = endOfString(text, index + 1, char);
    return { from: index + 1, to, next: to + 1 };
  }
  if (char === '/' && startsRegex(out, index)) {
    const to = endOfRegex(text, index + 1);
    return { from: index + 1, to, next: to + 1 };
  }
  return null;
}

function endOfString(text: string, from: number, quote: string): number {
  let index = from;
  while (index < text.length && text[index] !== quote && text[index] !== '\n') index += text[index] === '\\' ? 2 : 1;
  return index;
}

function endOfTemplatePart(text: string, from: number): { end: number; opens: boolean } {
  let index = from;
  while (index < text.length && text[index] !== '`') {
    if (text.startsWith('${', index)) return { end: index, opens: true };
    index += text[index] === '\\' ? 2 : 1;
  }
  return { end: index, opens: false };
}

/** A slash divides after a value and opens a pattern everywhere else. */
function startsRegex(before: readonly string[], index: number): boolean {
  const code = before
    .slice(Math.max(0, index - 200), index)
    .join('')
    .trimEnd();
  return code === '' || /[(,=:[!&|?{};>+\-*~^%<]$|\b(?:return|typeof|case|in|of|do|else)$/.test(code);
}

function endOfRegex(text: string, from: number): number {
  let index = from;
  let inClass = false;
  while (index < text.length && text[index] !== '\n' && (inClass || text[index] !== '/')) {
    if (text[index] === '[') inClass = true;
    if (text[index] === ']') inClass = false;
    index += text[index] === '\\' ? 2 : 1;
  }
  return index;
}

const importPattern =
  /\b(?:import|export)\b(?:\s+type\b)?\s*(?:[\w$*\s{},]*?\bfrom\s*)?(?<quote>['"])|\b(?:import|require)\s*\(\s*(?<called>['"])/g;

/** @param code `text` blanked out */
export function findImports(text: string, code: string): ImportSite[] {
  return [...code.matchAll(importPattern)].map((match) => {
    const open = match.index + match[0].length - 1;
    const quote = text.charAt(open);
    return { specifier: text.slice(open + 1, text.indexOf(quote, open + 1)), line: lineAt(text, match.index) };
  });
}

/** Line number, from 1, of an offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
