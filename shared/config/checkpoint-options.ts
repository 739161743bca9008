import { define } from './definition.ts';
import type { CheckpointInterval, CheckpointSettings } from './settings.ts';
import { choiceOrText, integer, interval, text } from './values.ts';

const trains = ['train', 'coordinator'] as const;

/** Of the state that a run goes on from. */
export const checkpointOptions = {
  checkpoint: define(text('PLACE', 'a directory or s3://BUCKET/PREFIX'), {
    commands: trains,
    default: null,
    defaultText: 'none',
    description:
      'Where the whole state of training is written while it goes on: a directory that every worker reaches, or ' +
      '`s3://BUCKET/PREFIX`. The same command goes on from there with the same bits, on any number of workers.',
  }),
  checkpointEvery: define(interval(), {
    commands: trains,
    default: '1epoch',
    description: 'How often: steps, epochs, or time, such as `100steps`, `1epoch`, `30s`, `5min`, `1h`.',
  }),
  checkpointKeep: define(integer(1, 1_000_000), {
    commands: trains,
    default: 3,
    description: 'How many checkpoints stay, the newest ones.',
  }),
  checkpointBest: define(text('NAME', 'the name of a measured value'), {
    commands: trains,
    default: null,
    defaultText: 'none',
    description: 'The best one by this stays, too: a name as in the logs of callbacks, such as `val_loss`.',
  }),
  resume: define(choiceOrText(['auto', 'off'], 'PATH', 'a checkpoint, or a place for them'), {
    commands: trains,
    default: 'auto',
    description:
      '`auto` goes on from the newest good checkpoint in `--checkpoint`, if there is one; `off` begins anew, in a place ' +
      'without checkpoints; or the path of a checkpoint, or of a place that holds some.',
  }),
} as const;

interface CheckpointValues {
  readonly checkpoint: string | null;
  readonly checkpointEvery: string;
  readonly checkpointKeep: number;
  readonly checkpointBest: string | null;
  readonly resume: string;
}

/** Nothing where a run neither writes checkpoints nor begins with one. */
export function checkpointSettings(values: Partial<CheckpointValues>): CheckpointSettings | undefined {
  const { checkpoint = null, checkpointEvery = '1epoch', checkpointKeep = 3, checkpointBest = null } = values;
  const { resume = 'auto' } = values;
  if (checkpoint === null && (resume === 'auto' || resume === 'off')) return undefined;
  return {
    place: checkpoint,
    every: parseInterval(checkpointEvery),
    keep: checkpointKeep,
    best: checkpointBest,
    resume,
  };
}

const seconds = { s: 1, min: 60, h: 3600 } as const;

/** @param text as `interval()` lets it pass */
function parseInterval(text: string): CheckpointInterval {
  const [, digits, unit = ''] = /^(\d+)([a-z]+)$/.exec(text) ?? [];
  const count = Number(digits);
  if (unit === 's' || unit === 'min' || unit === 'h') return { unit: 'seconds', count: count * seconds[unit] };
  return { unit: unit.startsWith('step') ? 'steps' : 'epochs', count };
}
