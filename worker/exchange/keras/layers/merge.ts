import { same } from '../field.ts';
import { layer } from '../mapping.ts';

export const merge = [
  ...['Add', 'Subtract', 'Multiply', 'Average', 'Maximum', 'Minimum'].map((name) => layer(name, [])),
  layer('Concatenate', [same('axis', -1)]),
  layer('Dot', [same('axes'), same('normalize', false)]),
];
