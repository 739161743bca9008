import { LockstepError } from '../core/index.ts';
import { nearestName } from './names.ts';

/**
 * Gives an option's value as it goes in a config.
 * @throws LockstepError job/invalid that starts with `field` and says what is allowed
 */
export type OptionReader = (field: string, value: unknown) => unknown;

const isNumber = (value: unknown): value is number => Number.isFinite(value);

export const flag = reader('true or false', (value) => typeof value === 'boolean');
export const amount = reader('a finite number of at least 0', (value) => isNumber(value) && value >= 0);
export const positive = reader('a finite number above 0', (value) => isNumber(value) && value > 0);
export const share = reader('a number from 0 to below 1', (value) => isNumber(value) && value >= 0 && value < 1);
export const fraction = reader('a number from 0 to 1', (value) => isNumber(value) && value >= 0 && value <= 1);
export const factor = reader('a finite number of at least 1', (value) => isNumber(value) && value >= 1);
export const stepCount = reader('a whole number of at least 0', (value) => isNumber(value) && isStep(value));
export const stepList = reader(
  'an array of at least one whole number, each above the one before',
  (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((step: unknown, index) => isNumber(step) && isStep(step) && (index === 0 || step > value[index - 1])),
);
export const amountList = reader(
  'an array of finite numbers of at least 0',
  (value) => Array.isArray(value) && value.every((item: unknown) => isNumber(item) && item >= 0),
);
export const count = reader('a whole number of at least 1', (value) => isNumber(value) && isStep(value) && value >= 1);
export const natural = reader('a whole number of at least 0', (value) => isNumber(value) && isStep(value));
export const text = reader('a text that is not empty', (value) => typeof value === 'string' && value !== '');
export const fractionList = reader('an array of at least one number from 0 to 1', isFractionList);
export const fractions = reader('a number from 0 to 1, or an array of such', (value) => isFractionList([value].flat()));
export const naturalList = reader(
  'an array of at least one whole number, each at least 0',
  (value) => Array.isArray(value) && value.length > 0 && value.every((item) => isNumber(item) && isStep(item)),
);

export function oneOf(...values: readonly string[]): OptionReader {
  return reader(values.map((value) => `"${value}"`).join(' or '), (value) => values.includes(value as string));
}

export function orNull(read: OptionReader): OptionReader {
  return (field, value) => (value === null ? null : read(field, value));
}

function isFractionList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => isNumber(item) && item >= 0 && item <= 1);
}

/**
 * `given` checked by `readers`, over `defaults`. `owner` is for messages, for example `optimizer adam`.
 * @throws LockstepError job/invalid for a name that no reader has, and for what a reader refuses
 */
export function completeOptions(
  owner: string,
  readers: Readonly<Record<string, OptionReader>>,
  defaults: object,
  given: object,
): Record<string, unknown> {
  const config: Record<string, unknown> = { ...defaults };
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const known = Object.keys(readers);
    const read = Object.hasOwn(readers, option) ? readers[option] : undefined;
    if (read === undefined) {
      const hint =
        known.length === 0
          ? 'it takes none'
          : `did you mean "${nearestName(option, known)}"? Known: ${known.join(', ')}`;
      throw new LockstepError('job/invalid', `${owner} has no option "${option}"; ${hint}.`);
    }
    config[option] = read(`${owner}: ${option}`, value);
  }
  return config;
}

/** A reader that takes what `allows` does as it is; `expected` says in messages what that is. */
export function reader(expected: string, allows: (value: unknown) => boolean): OptionReader {
  return (field, value) => {
    if (allows(value)) return value;
    throw new LockstepError('job/invalid', `${field} must be ${expected}, got ${shown(value)}.`);
  };
}

function isStep(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

export function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
