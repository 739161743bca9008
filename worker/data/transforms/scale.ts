import { at } from '../../../shared/core/index.ts';
import type { Source } from '../source.ts';

/** Each value of each float32 input becomes value · factor + offset; int32 inputs stay as they are. */
export function scaleInputs(source: Source, factor: number, offset: number): Source {
  return {
    ...source,
    read(index, inputs, targets, visit) {
      source.read(index, inputs, targets, visit);
      for (const [input, values] of inputs.entries()) {
        if (at(source.inputs, input).dtype !== 'float32') continue;
        for (let position = 0; position < values.length; position++) {
          values[position] = (values[position] as number) * factor + offset;
        }
      }
    },
    close: () => source.close?.(),
  };
}
