import { at, LockstepError } from '../../../shared/core/index.ts';
import type { Source } from '../source.ts';
import { valuesPerSample } from '../values-per-sample.ts';

/**
 * The only target, one class number, becomes [classes] float32 values: a one at the class, else zeros.
 * @throws LockstepError data/shape when targets are no class numbers, data/corrupt for a class beyond the last
 */
export function oneHotTargets(source: Source, classes: number): Source {
  const [spec] = source.targets;
  if (source.targets.length !== 1 || spec === undefined || valuesPerSample(spec) !== 1) {
    const shapes = source.targets.map(({ shape }) => `[${shape.join(', ')}]`).join(', ');
    throw new LockstepError('data/shape', `oneHot needs one target with one class number, got target shapes ${shapes}`);
  }
  const { labels } = source;
  for (let index = 0; index < (labels?.length ?? 0); index++) checkClass(labels?.[index] as number, classes, index);
  const label = spec.dtype === 'int32' ? new Int32Array(1) : new Float32Array(1);
  const { labels: _, ...rest } = source;
  return {
    ...rest,
    targets: [{ shape: [classes], dtype: 'float32' }],
    read(index, inputs, targets, visit) {
      source.read(index, inputs, [label], visit);
      const value = at(label, 0);
      checkClass(value, classes, index);
      at(targets, 0).fill(0)[value] = 1;
    },
    close: () => source.close?.(),
  };
}

function checkClass(label: number, classes: number, sample: number): void {
  if (Number.isInteger(label) && label >= 0 && label < classes) return;
  throw new LockstepError(
    'data/corrupt',
    `sample ${sample}: label ${label}, expected 0 to ${classes - 1} for oneHot(${classes})`,
    {
      details: { sample, label },
    },
  );
}
