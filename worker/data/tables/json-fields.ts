import type { JsonLinesOptions } from '../../../shared/job/index.ts';
import type { ClassNumbers } from './class-numbers.ts';

/** A field of every object: a number, or (nested) arrays of numbers of one shape. */
export interface JsonField {
  readonly shape: readonly number[];
  /** Writes an object's values, row-major. @throws Error in words when they have another shape */
  write(object: Readonly<Record<string, unknown>>, into: { [index: number]: number }): void;
}

/** What a sample is made of; shapes are those of the first object. */
export class JsonFields {
  readonly inputs: readonly JsonField[];
  readonly targets: readonly JsonField[];
  readonly text: string | null;
  readonly sequence: string | null;

  /** @throws Error in words */
  constructor(options: JsonLinesOptions, classes: ClassNumbers | undefined, first: Readonly<Record<string, unknown>>) {
    this.inputs = (options.inputs ?? []).map((name) => numericField(name, first));
    this.targets = options.target.map((name) =>
      classes === undefined ? numericField(name, first) : classField(name, classes),
    );
    this.text = options.text;
    this.sequence = options.sequence;
  }

  /** @throws Error in words when the object lacks a field or has another shape */
  check(object: Readonly<Record<string, unknown>>): void {
    for (const field of [...this.inputs, ...this.targets]) field.write(object, {});
    if (this.text !== null && typeof object[this.text] !== 'string') {
      throw new Error(`field "${this.text}" is ${describe(object[this.text])}, expected a text`);
    }
    const sequence = this.sequence === null ? [] : object[this.sequence];
    if (!Array.isArray(sequence) || !sequence.every((value) => typeof value === 'number')) {
      throw new Error(`field "${this.sequence}" is ${describe(sequence)}, expected an array of numbers`);
    }
  }
}

function classField(name: string, classes: ClassNumbers): JsonField {
  return {
    shape: [1],
    write(object, into) {
      const value = object[name];
      if (typeof value !== 'string' && typeof value !== 'number') {
        throw new Error(`field "${name}" is ${describe(value)}, expected a label`);
      }
      const label = classes.of(value);
      if (typeof label === 'string') throw new Error(`field "${name}": ${label}`);
      into[0] = label;
    },
  };
}

function numericField(name: string, first: Readonly<Record<string, unknown>>): JsonField {
  const shape = shapeOf(first[name]);
  return {
    shape: shape.length === 0 ? [1] : shape,
    write(object, into) {
      let place = 0;
      const write = (value: unknown, depth: number): void => {
        const length = shape[depth];
        if (length === undefined ? typeof value !== 'number' : !Array.isArray(value) || value.length !== length) {
          const expected = length === undefined ? 'a number' : `an array of ${length} as in the first line`;
          throw new Error(`field "${name}" holds ${describe(value)}, expected ${expected}`);
        }
        if (length === undefined) into[place++] = value as number;
        else for (const item of value as unknown[]) write(item, depth + 1);
      };
      write(object[name], 0);
    },
  };
}

function shapeOf(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...(value.length === 0 ? [] : shapeOf(value[0]))] : [];
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  return Array.isArray(value) ? `an array of ${value.length}` : (JSON.stringify(value) ?? 'nothing').slice(0, 40);
}
