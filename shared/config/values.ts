import { z } from 'zod';
import { readWire, splitAddress, type Wire, wireExpected } from '../core/index.ts';

/** One kind of option value: how text becomes a value, what is allowed, and how to say so. */
export interface OptionValue<T> {
  readonly schema: z.ZodType<T>;
  /** Completes "expected …". */
  readonly expected: string;
  /** Stands for the value in help texts; `null` marks a switch, which takes none. */
  readonly placeholder: string | null;
  /** Text of a flag or environment variable as the schema wants it; text that cannot be read is returned as it is. */
  fromText(text: string): unknown;
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): OptionValue<number> {
  const limit = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return {
    schema: z.int().min(min).max(max),
    expected: `a whole number ${limit}`,
    placeholder: 'N',
    fromText: (text) => (/^[+-]?\d+$/.test(text) ? Number(text) : text),
  };
}

export function milliseconds(min: number, max = 86_400_000): OptionValue<number> {
  return { ...integer(min, max), expected: `milliseconds, a whole number from ${min} to ${max}`, placeholder: 'MS' };
}

const unitBytes: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

function parseBytes(text: string): unknown {
  const match = /^(\d+)(KiB|MiB|GiB)?$/.exec(text);
  return match === null ? text : Number(match[1]) * (unitBytes[match[2] ?? ''] ?? 1);
}

/** A size in bytes, written as a number or as `512KiB`, `4MiB`. Whole float32 values: a multiple of 4. */
export function bytes(min: number, max: number): OptionValue<number> {
  return {
    // The configuration file may use the units as well.
    schema: z.preprocess(
      (value) => (typeof value === 'string' ? parseBytes(value) : value),
      z.int().min(min).max(max).multipleOf(4),
    ),
    expected: `bytes, a multiple of 4 from ${min} to ${max}, also as 512KiB or 4MiB`,
    placeholder: 'BYTES',
    fromText: parseBytes,
  };
}

export function text(placeholder: string, expected: string): OptionValue<string> {
  return { schema: z.string().min(1), expected, placeholder, fromText: (given) => given };
}

export function choice<const T extends readonly [string, ...string[]]>(names: T): OptionValue<T[number]> {
  return {
    schema: z.enum(names as unknown as [string, ...string[]]) as unknown as z.ZodType<T[number]>,
    expected: `one of ${names.join(', ')}`,
    placeholder: names.length <= 3 ? names.join('|') : 'NAME',
    fromText: (given) => given,
  };
}

/** One of some words, or any other text. */
export function choiceOrText(words: readonly string[], placeholder: string, expected: string): OptionValue<string> {
  return { ...text(`${words.join('|')}|${placeholder}`, `${words.join(', ')}, or ${expected}`) };
}

/** `100steps`, `1epoch`, `30s`, `5min`, `1h` */
export function interval(): OptionValue<string> {
  return {
    schema: z.string().regex(/^[1-9]\d{0,8}(steps?|epochs?|s|min|h)$/),
    expected: 'a number and a unit: steps, epochs, s, min or h, such as 100steps, 1epoch or 5min',
    placeholder: 'INTERVAL',
    fromText: (given) => given,
  };
}

/** What gradients travel as. */
export function wireFormat(): OptionValue<Wire> {
  return {
    schema: z.string().transform((given, context) => {
      const wire = readWire(given);
      if (wire !== undefined) return wire;
      context.addIssue({ code: 'custom', message: wireExpected });
      return z.NEVER;
    }),
    expected: wireExpected,
    placeholder: 'FORMAT',
    fromText: (given) => given,
  };
}

const switchWords: Readonly<Record<string, boolean>> = {
  '1': true,
  true: true,
  yes: true,
  on: true,
  '0': false,
  false: false,
  no: false,
  off: false,
};

/** Host names (also with a leading `*.`) and IP addresses, separated by commas. */
export function hostList(): OptionValue<string> {
  const host = /^\s*((\*\.)?[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\s*$/;
  return {
    schema: z.string().refine((given) => given.split(',').every((part) => host.test(part))),
    expected: 'host names or addresses separated by commas, such as trainer-0,10.0.0.7',
    placeholder: 'HOST,…',
    fromText: (given) => given,
  };
}

export function onOff(): OptionValue<boolean> {
  return {
    schema: z.boolean(),
    expected: 'true or false',
    placeholder: null,
    fromText: (given) => switchWords[given.toLowerCase()] ?? given,
  };
}

/** `host:port`; IPv6 hosts in brackets. `minPort` 0 lets the system pick a free port. */
export function address(minPort: 0 | 1): OptionValue<string> {
  return {
    schema: z.string().refine((given) => {
      const parts = splitAddress(given);
      return parts !== null && parts.port >= minPort;
    }),
    expected: `HOST:PORT with a port from ${minPort} to 65535, such as ${minPort === 0 ? '127.0.0.1:0' : 'trainer-0:4600'}`,
    placeholder: 'HOST:PORT',
    fromText: (given) => given,
  };
}
