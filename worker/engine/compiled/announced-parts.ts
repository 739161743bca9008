import { at } from '../../../shared/core/index.ts';
import { shapeOf } from '../batch-shape.ts';
import type { TrainerOptions } from '../engine.ts';
import type { SessionPart } from './shaped-session.ts';

/** Training in all row counts of the run, evaluation and prediction in full batches. */
export function announcedParts({
  rows,
  inputs,
  targets,
}: Pick<TrainerOptions, 'rows' | 'inputs' | 'targets'>): SessionPart[] {
  const shapes = rows.map((count) => shapeOf({ inputs, targets }, count));
  const full = at(shapes, 0);
  return [
    ...shapes.map((shape) => ({ use: 'training', shape }) as const),
    { use: 'evaluation', shape: full },
    { use: 'prediction', shape: full },
  ];
}
