import { flagOf, optionOf, type ResolvedOptions } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';
import { type LinkSpeed, parseLink } from '../network/index.ts';

/** What `lockstep bench allreduce` was asked for. */
export interface AllreduceOptions {
  /** Worker counts, one measurement of all sizes for each. */
  readonly workers: readonly number[];
  /** Sizes of what is reduced. */
  readonly bytes: readonly number[];
  readonly rounds: number;
  readonly bucketBytes: number;
  readonly sharedMemory: 'auto' | 'off';
  readonly algorithm: ResolvedOptions<'train'>['algorithm'];
  readonly wire: 'float32' | 'bfloat16';
  /** What the processes are connected by; null for this host's loopback. */
  readonly link: LinkSpeed | null;
  /** Measure every algorithm, beside what the cost model says of it. */
  readonly explain: boolean;
  readonly json: boolean;
}

/** As text, by the names of the flags. */
export interface AllreduceFlags {
  readonly workers: string;
  readonly bytes: string;
  readonly rounds: string;
  readonly bucketBytes: string;
  readonly sharedMemory: string;
  readonly algorithm: string;
  readonly wire: string;
  readonly explain: boolean;
  readonly link?: string;
  readonly json: boolean;
}

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  ...{ KB: 1e3, MB: 1e6, GB: 1e9 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
};

/** @throws LockstepError config/invalid */
export function readAllreduceOptions(flags: AllreduceFlags): AllreduceOptions {
  return {
    workers: list('--workers', flags.workers, (text) => wholeNumber(text, 2, 64), 'whole numbers from 2 to 64'),
    bytes: list('--bytes', flags.bytes, parseSize, sizeExpected),
    rounds: single('--rounds', flags.rounds, (text) => wholeNumber(text, 1, 1000), 'a whole number from 1 to 1000'),
    bucketBytes: single('--bucket-bytes', flags.bucketBytes, parseSize, sizeExpected),
    sharedMemory: asInTraining('sharedMemory', flags.sharedMemory),
    algorithm: asInTraining('algorithm', flags.algorithm),
    wire: denseWire(flags.wire),
    explain: flags.explain,
    link: flags.link === undefined ? null : parseLink(flags.link),
    json: flags.json,
  };
}

const sizeExpected = 'sizes of whole float32 values up to 2 GB, such as 64KiB, 1MB or 25MB';

/** `4MB` (10⁶ bytes), `4MiB` (2²⁰ bytes), `4000000`. Whole float32 values; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMG]i?B)?$/.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * (unitBytes[match[2] ?? ''] ?? Number.NaN);
  return Number.isInteger(bytes) && bytes % 4 === 0 && bytes >= 4 && bytes <= 2e9 ? bytes : undefined;
}

/** @throws LockstepError config/invalid */
function denseWire(text: string): AllreduceOptions['wire'] {
  const wire = asInTraining('wire', text) ?? 'float32';
  if (wire === 'float32' || wire === 'bfloat16') return wire;
  throw new LockstepError(
    'config/invalid',
    `--wire ${text}: measured are float32 and bfloat16; what the others send depends on the weights and gradients of a job`,
  );
}

/** An option that training has as well, by its rules there. */
function asInTraining<N extends 'sharedMemory' | 'algorithm' | 'wire'>(
  name: N,
  text: string,
): ResolvedOptions<'train'>[N] {
  const { value } = optionOf(name);
  const parse = (given: string) => value.schema.safeParse(value.fromText(given)).data;
  return single(flagOf(name), text, parse, value.expected) as ResolvedOptions<'train'>[N];
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= least && value <= most ? value : undefined;
}

function single<T>(flag: string, text: string, parse: (text: string) => T | undefined, expected: string): T {
  const value = parse(text.trim());
  if (value === undefined) throw new LockstepError('config/invalid', `${flag} ${text}: expected ${expected}`);
  return value;
}

function list<T>(flag: string, text: string, parse: (text: string) => T | undefined, expected: string): T[] {
  return text.split(',').map((part) => single(flag, part, parse, `${expected}, separated by commas`));
}
