import type { Classes } from '../../../shared/job/index.ts';

/** Turns what a file says of a sample's class into its number. */
export interface ClassNumbers {
  /** The class number, or in words what is wrong. */
  of(value: string | number): number | string;
}

/** Names are looked up in their list; without one, the value is the class number itself. */
export function classNumbers(classes: Classes): ClassNumbers {
  if (typeof classes === 'number') {
    return {
      of(value) {
        const label = typeof value === 'number' ? value : value.trim() === '' ? Number.NaN : Number(value);
        if (Number.isInteger(label) && label >= 0 && label < classes) return label;
        return `label ${JSON.stringify(value)}, expected a whole number from 0 to ${classes - 1}`;
      },
    };
  }
  const numbers = new Map(classes.map((name, number) => [name, number]));
  return {
    of: (value) =>
      numbers.get(String(value)) ??
      `label ${JSON.stringify(value)}, expected one of the classes ${list(classes)}; add it to \`classes\``,
  };
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 12).map((name) => JSON.stringify(name));
  return names.length > shown.length ? `${shown.join(', ')} and ${names.length - shown.length} more` : shown.join(', ');
}
