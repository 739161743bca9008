import { at } from '../../shared/core/index.ts';
import type { Batch, TensorSpec } from '../../shared/job/index.ts';

/** What a graph is made for: every batch of this shape runs in it. */
export interface BatchShape {
  /** Equal for equal shapes; goes into names of the graph's nodes. */
  readonly key: string;
  readonly rows: number;
  /** Per sample, as everywhere: without the rows. */
  readonly inputs: readonly TensorSpec[];
  readonly targets: readonly TensorSpec[];
}

/** Samples as a data set declares them. */
export type DeclaredSamples = Pick<BatchShape, 'inputs' | 'targets'>;

/** The shape of `rows` rows of a batch, of samples as the data set declares them where the batch doesn't say. */
export function shapeOf(declared: DeclaredSamples, rows: number, shapes?: Batch['shapes']): BatchShape {
  if (shapes === undefined) return { key: String(rows), rows, ...declared };
  const specs = (of: 'inputs' | 'targets'): TensorSpec[] =>
    declared[of].map(({ dtype }, index) => ({ shape: at(shapes[of], index), dtype }));
  const [inputs, targets] = [specs('inputs'), specs('targets')];
  const isDeclared = isEqual(inputs, declared.inputs) && isEqual(targets, declared.targets);
  const sizes = [...inputs, ...targets].map(({ shape }) => shape.join('x'));
  return { key: isDeclared ? String(rows) : [rows, ...sizes].join('_'), rows, inputs, targets };
}

/** For people: `32 rows of [100, 8]`. */
export function describeShape({ rows, inputs }: BatchShape): string {
  return `${rows} ${rows === 1 ? 'row' : 'rows'} of ${inputs.map(({ shape }) => `[${shape.join(', ')}]`).join(' and ')}`;
}

function isEqual(a: readonly TensorSpec[], b: readonly TensorSpec[]): boolean {
  return a.every(({ shape }, index) => String(shape) === String(at(b, index).shape));
}
