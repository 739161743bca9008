import { LockstepError } from '../core/index.ts';
import { checkCount, show } from './checks.ts';
import type { Dataset } from './dataset.ts';
import { checkFileName, type Directory, describe } from './describe-dataset.ts';

/** Name of a column, or its number from 0 on where the file has no header. */
export type Column = string | number;

/** Class names in the order of their numbers, or how many classes there are where the file holds numbers. */
export type Classes = readonly string[] | number;

/** What a row holds. Exactly one of `inputs` and `text`. */
export interface TableFields {
  /** Columns of numbers: one input [columns], in this order. */
  readonly inputs?: Column | readonly Column[];
  /** A column of text, for `tokenize`. */
  readonly text?: Column;
  /** The column of the target, or several of numbers: [columns]. */
  readonly target: Column | readonly Column[];
  /** With it, the target is a class number (0 to classes − 1), and the names in the file are translated. */
  readonly classes?: Classes;
}

export interface CsvOptions {
  readonly file: string;
  readonly delimiter: string;
  /** Quoted fields may hold delimiters and line ends. */
  readonly quote: boolean;
  readonly header: boolean;
  readonly inputs: readonly Column[] | null;
  readonly text: Column | null;
  readonly target: readonly Column[];
  readonly classes: Classes | null;
}

export interface JsonLinesOptions {
  readonly file: string;
  /** Each an input of its own: a number, or (nested) arrays of one shape. */
  readonly inputs: readonly string[] | null;
  readonly text: string | null;
  readonly sequence: string | null;
  readonly target: readonly string[];
  readonly classes: Classes | null;
}

export interface TableFile extends TableFields {
  readonly file: string;
  /** Whether the first line names the columns. Default true. */
  readonly header?: boolean;
  readonly directory?: Directory;
}

/** One line, or record, a sample. */
export const tableDatasets = {
  /** Comma-separated values (RFC 4180), or with another `delimiter`. */
  csv(options: TableFile & { readonly delimiter?: string }): Dataset {
    const { delimiter = ',' } = options;
    if (typeof delimiter !== 'string' || delimiter === '') {
      throw new LockstepError('job/invalid', `csv: delimiter must be a text, got ${show(delimiter)}.`);
    }
    return table('csv', options, delimiter, true);
  },

  /** Tab-separated values; quotes have no meaning. */
  tsv(options: TableFile): Dataset {
    return table('tsv', options, '\t', false);
  },

  /**
   * A JSON object a line. Each of `inputs` names a field of its own input: a number, or (nested) arrays of one shape;
   * `text` a field of text for `tokenize`; `sequence` one of numbers of any count, for `padSequences`.
   */
  jsonLines(options: {
    readonly file: string;
    readonly inputs?: string | readonly string[];
    readonly text?: string;
    readonly sequence?: string;
    readonly target: string | readonly string[];
    readonly classes?: Classes;
    readonly directory?: Directory;
  }): Dataset {
    const { file, text = null, sequence = null, directory } = options;
    checkFileName('jsonLines: file', file);
    const inputs = options.inputs === undefined ? null : [options.inputs].flat();
    checkOne('jsonLines', { inputs, text, sequence });
    const target = targets('jsonLines', options.target) as string[];
    const classes = checkedClasses('jsonLines', options.classes, target);
    const given: JsonLinesOptions = { file, inputs, text, sequence, target, classes };
    return describe('jsonLines', given, directory);
  },
};

function table(kind: 'csv' | 'tsv', options: TableFile, delimiter: string, quote: boolean): Dataset {
  const { file, header = true, text = null, directory } = options;
  checkFileName(`${kind}: file`, file);
  const inputs = options.inputs === undefined ? null : [options.inputs].flat();
  checkOne(kind, { inputs, text });
  const target = targets(kind, options.target);
  for (const column of [...(inputs ?? []), ...(text === null ? [] : [text]), ...target]) {
    if (typeof column === 'string' ? header : Number.isSafeInteger(column) && column >= 0) continue;
    throw new LockstepError(
      'job/invalid',
      `${kind}: column ${show(column)}: expected a column's number from 0 on` +
        `${header ? ', or its name in the header' : ' (header: false)'}.`,
    );
  }
  const classes = checkedClasses(kind, options.classes, target);
  const given: CsvOptions = { file, delimiter, quote, header, inputs, text, target, classes };
  return describe('csv', given, directory);
}

function checkOne(kind: string, choices: Readonly<Record<string, unknown>>): void {
  const given = Object.entries(choices).filter(([, value]) => value !== null);
  if (given.length === 1 && !(Array.isArray(given[0]?.[1]) && given[0][1].length === 0)) return;
  throw new LockstepError(
    'job/invalid',
    `${kind}: name what a sample's input is by exactly one of ${Object.keys(choices).join(', ')}; ` +
      `got ${given.length === 0 ? 'none' : given.map(([name]) => name).join(', ')}.`,
  );
}

function targets(kind: string, target: Column | readonly Column[] | undefined): readonly Column[] {
  if (target !== undefined && [target].flat().length > 0) return [target].flat();
  throw new LockstepError('job/invalid', `${kind}: name the target, such as target: 'label'.`);
}

function checkedClasses(kind: string, classes: Classes | undefined, target: readonly Column[]): Classes | null {
  if (classes === undefined) return null;
  if (typeof classes === 'number') checkCount(`${kind}: classes`, classes);
  else checkNames(kind, classes);
  if (target.length === 1) return classes;
  throw new LockstepError('job/invalid', `${kind}: classes go with one target, got ${target.length}.`);
}

/** @throws LockstepError job/invalid unless they are different texts */
export function checkNames(kind: string, names: unknown): void {
  const isList = Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string');
  if (isList && new Set(names).size === names.length) return;
  throw new LockstepError('job/invalid', `${kind}: classes must be different names or a count, got ${show(names)}.`);
}
