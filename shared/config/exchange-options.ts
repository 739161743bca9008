import { define } from './definition.ts';
import { bytes, choice, milliseconds, wireFormat } from './values.ts';

/** Commands that fix the settings of a run. */
export const decides = ['train', 'evaluate', 'run', 'demo', 'coordinator'] as const;

const MiB = 2 ** 20;

/** Of the reduction of gradients between workers. */
export const exchangeOptions = {
  segmentTimeoutMs: define(milliseconds(100), {
    commands: decides,
    default: 30_000,
    description: 'How long a worker waits for one part of a gradient from a peer.',
  }),
  segmentBytes: define(bytes(4096, 16 * MiB), {
    commands: decides,
    default: MiB,
    description: 'Size of one message between workers. 1 MiB was the fastest of those measured.',
  }),
  bucketBytes: define(bytes(4096, 1024 * MiB), {
    commands: decides,
    default: 4 * MiB,
    description:
      'Gradients are packed in buckets of about this size; each leaves for the other workers when it is complete. ' +
      'A compiled step is cut there, so another size may round differently.',
  }),
  wire: define(wireFormat(), {
    commands: decides,
    default: null,
    defaultText: 'the job’s',
    description:
      'What gradients travel and are summed as. `bfloat16` halves the bytes; each replica’s gradients and each sum of ' +
      'two are rounded to 8 significant bits, wherever they are computed. `top-k:0.01` sends the hundredth of each ' +
      'replica’s gradients with the largest magnitudes and adds the rest to those of later steps; ' +
      '`powersgd:4` does so with what a factorization of rank 4 of each weight matrix lacks. Part of the result.',
  }),
  algorithm: define(choice(['auto', 'direct', 'halving', 'hierarchical']), {
    commands: decides,
    default: 'auto',
    description:
      'How workers exchange sums; it changes the speed and never the result. `direct`: all with all; `halving`: pairs ' +
      'by turns, for many workers; `hierarchical`: inside each host first. `auto` takes what the cost model predicts to ' +
      'be fastest.',
  }),
} as const;
