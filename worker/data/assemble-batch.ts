import { at, LockstepError } from '../../shared/core/index.ts';
import type { Batch, BatchValues, TensorSpec } from '../../shared/job/index.ts';
import type { ReplicaBatch } from '../../shared/sampling/index.ts';
import type { Source, Visit } from './source.ts';
import { valuesPerSample } from './values-per-sample.ts';

/**
 * Reads a replica's samples into `reuse`'s arrays if they have the right size, else into new ones. What a source leaves
 * untouched is zero, as are the padding rows: never a value of an earlier batch, which would depend on who had it.
 */
export function assembleBatch(source: Source, samples: ReplicaBatch, visit?: Visit, reuse?: Batch): Batch {
  const { rows, indices } = samples;
  const inputs = source.inputs.map((spec, input) => allocate(spec, rows, reuse?.inputs[input]));
  const targets = source.targets.map((spec, target) => allocate(spec, rows, reuse?.targets[target]));
  const weights = new Float32Array(rows);
  for (const [row, index] of indices.entries()) {
    const [inputRow, targetRow] = [rowViews(inputs, rows, row), rowViews(targets, rows, row)];
    source.read(index, inputRow, targetRow, visit);
    checkFinite('input', index, source.inputs, inputRow);
    checkFinite('target', index, source.targets, targetRow);
    weights[row] = weightOf(source, index, targetRow);
  }
  const realRows = indices.length;
  return { rows, realRows, inputs, targets, weights };
}

function weightOf(source: Source, sample: number, targets: readonly BatchValues[]): number {
  const weight = source.weigh?.(sample, targets) ?? 1;
  if (Number.isFinite(weight) && weight >= 0) return weight;
  throw new LockstepError('data/corrupt', `sample ${sample} weighs ${weight}; expected a finite number of at least 0`, {
    details: { sample, weight },
  });
}

function allocate(spec: TensorSpec, rows: number, reuse: BatchValues | undefined): BatchValues {
  const length = rows * valuesPerSample(spec);
  if (reuse?.length === length && reuse instanceof Int32Array === (spec.dtype === 'int32')) return reuse.fill(0);
  return spec.dtype === 'int32' ? new Int32Array(length) : new Float32Array(length);
}

/** A value that is no number would make every weight one, steps later and on all workers. */
function checkFinite(what: string, sample: number, specs: readonly TensorSpec[], views: readonly BatchValues[]): void {
  for (const [tensor, values] of views.entries()) {
    if (values instanceof Int32Array) continue;
    for (let position = 0; position < values.length; position++) {
      if (Number.isFinite(values[position])) continue;
      throw new LockstepError(
        'data/corrupt',
        `sample ${sample}: value ${position} of ${what} ${tensor} (shape [${at(specs, tensor).shape.join(', ')}]) is ` +
          `${values[position]}; correct the sample, or leave it out`,
        { details: { sample, position } },
      );
    }
  }
}

function rowViews(tensors: readonly BatchValues[], rows: number, row: number): BatchValues[] {
  return tensors.map((values, tensor) => {
    const length = at(tensors, tensor).length / rows;
    return values.subarray(row * length, (row + 1) * length);
  });
}

/** The buffers to hand over when a batch goes to another thread; none that already went elsewhere. */
export function buffersOf(batch: Batch): ArrayBuffer[] {
  return [...batch.inputs, ...batch.targets, batch.weights]
    .map((values) => values.buffer as ArrayBuffer)
    .filter((buffer) => buffer.byteLength > 0);
}
