import { at } from '../../../shared/core/index.ts';
import type { ArraysOptions, BatchValues, DatasetDescription, SharedTensor } from '../../../shared/job/index.ts';
import type { Source } from '../source.ts';

/** Values in shared memory, checked when the job was defined. */
export function openArrays(description: DatasetDescription): Source {
  const { samples, inputs, targets } = description.options as unknown as ArraysOptions;
  const labels = targets.length === 1 && at(targets, 0).values.length === samples ? at(targets, 0).values : undefined;
  return {
    size: samples,
    inputs: inputs.map(({ shape, dtype }) => ({ shape, dtype })),
    targets: targets.map(({ shape, dtype }) => ({ shape, dtype })),
    ...(labels === undefined ? {} : { labels }),
    read(index, inputViews, targetViews) {
      copySample(inputs, index, inputViews);
      copySample(targets, index, targetViews);
    },
  };
}

function copySample(tensors: readonly SharedTensor[], index: number, views: readonly BatchValues[]): void {
  for (const [tensor, view] of views.entries()) {
    const start = index * view.length;
    view.set(at(tensors, tensor).values.subarray(start, start + view.length));
  }
}
