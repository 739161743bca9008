import { LockstepError, nearest } from '../../../shared/core/index.ts';
import type { Column, CsvOptions } from '../../../shared/job/index.ts';
import { type ClassNumbers, classNumbers } from './class-numbers.ts';

/** Which columns of a table are a sample's input and target, and how their texts become numbers. */
export class RowFields {
  /** Numbers that a row's input consists of; 0 where it is text. */
  readonly inputs: number;
  readonly targets: number;
  /** Column of the text. */
  readonly text: number | undefined;
  readonly #columns: readonly number[];
  readonly #names: readonly string[];
  readonly #width: number;
  readonly #classes: ClassNumbers | undefined;

  /**
   * @param first the file's first record: the header if it has one
   * @throws LockstepError job/invalid for a column that is not there
   */
  constructor(path: string, options: CsvOptions, first: readonly string[]) {
    const find = (column: Column): number => findColumn(path, options.header ? first : undefined, first.length, column);
    const inputs = (options.inputs ?? []).map(find);
    const targets = options.target.map(find);
    this.inputs = inputs.length;
    this.targets = targets.length;
    this.text = options.text === null ? undefined : find(options.text);
    this.#columns = [...inputs, ...targets];
    this.#names = first.map((name, column) => (options.header ? JSON.stringify(name) : String(column)));
    this.#width = first.length;
    this.#classes = options.classes === null ? undefined : classNumbers(options.classes);
  }

  /** Inputs and targets together. */
  get numbers(): number {
    return this.#columns.length;
  }

  /** A row's inputs, then its targets; or in words what is wrong with it. */
  read(row: readonly string[]): number[] | string {
    if (row.length !== this.#width) return `${row.length} columns, expected ${this.#width} as in the first line`;
    const numbers: number[] = [];
    for (const [place, column] of this.#columns.entries()) {
      const value = this.#number(row[column] as string, place);
      if (typeof value === 'string') return `column ${this.#names[column]}: ${value}`;
      numbers.push(value);
    }
    return numbers;
  }

  textOf(row: readonly string[]): string {
    return row[this.text ?? 0] ?? '';
  }

  #number(text: string, place: number): number | string {
    if (place >= this.inputs && this.#classes !== undefined) return this.#classes.of(text);
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value)) return value;
    const advice = place < this.inputs ? 'fill it in, or leave the row out' : 'name the labels by `classes`';
    return text.trim() === ''
      ? 'it is empty; fill it in, or leave the row out'
      : `${JSON.stringify(text)} is no finite number; ${advice}`;
  }
}

function findColumn(path: string, header: readonly string[] | undefined, width: number, column: Column): number {
  if (typeof column === 'number') {
    if (column < width) return column;
    throw new LockstepError('job/invalid', `${path} has ${width} columns, 0 to ${width - 1}; the job names ${column}`);
  }
  const found = header?.indexOf(column) ?? -1;
  if (found >= 0) return found;
  const near = nearest(column, header ?? []);
  throw new LockstepError(
    'job/invalid',
    `${path} has no column ${JSON.stringify(column)}${near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`} ` +
      `Its columns: ${(header ?? []).join(', ')}`,
  );
}
