import { at, LockstepError } from '../../../shared/core/index.ts';
import type { BatchValues, TensorSpec } from '../../../shared/job/index.ts';
import type { Source } from '../source.ts';
import { valuesPerSample } from '../values-per-sample.ts';

/**
 * Bilinear with half-pixel centres and no antialiasing, as TensorFlow's `tf.image.resize(…, method='bilinear')`.
 * @throws LockstepError data/shape for an input that is no float image
 */
export function resizeInputs(source: Source, height: number, width: number): Source {
  const plans = source.inputs.map((spec) => planResize(spec, height, width));
  const originals = source.inputs.map((spec) => new Float32Array(valuesPerSample(spec)));
  return {
    ...source,
    inputs: source.inputs.map(({ shape }, input) => ({
      shape: [...shape.slice(0, -3), height, width, at(plans, input).channels],
      dtype: 'float32',
    })),
    read(index, inputs, targets, visit) {
      source.read(index, originals, targets, visit);
      for (const [input, plan] of plans.entries()) resizeFrames(at(originals, input), plan, at(inputs, input));
    },
    close: () => source.close?.(),
  };
}

/** All images of a clip [frames, height, width, channels], or the one image. */
function resizeFrames(from: Float32Array, plan: ResizePlan, to: BatchValues): void {
  const length = plan.height * plan.rowLength;
  const frames = from.length / length;
  const toLength = to.length / frames;
  for (let frame = 0; frame < frames; frame++) {
    const start = frame * toLength;
    resize(from.subarray(frame * length, (frame + 1) * length), plan, to.subarray(start, start + toLength));
  }
}

/** For each output position along one axis: its two input positions, and the second one's share. */
interface Axis {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly share: Float32Array;
}

export interface ResizePlan {
  readonly channels: number;
  /** Of the original. */
  readonly height: number;
  readonly rows: Axis;
  readonly columns: Axis;
  /** Values in one row of the original. */
  readonly rowLength: number;
}

/** @throws LockstepError data/shape */
export function planResize(spec: TensorSpec, height: number, width: number): ResizePlan {
  const [fromHeight, fromWidth, channels] = spec.shape.slice(-3);
  const isImage = (spec.shape.length === 3 || spec.shape.length === 4) && spec.dtype === 'float32';
  if (!isImage || fromHeight === undefined || fromWidth === undefined || channels === undefined) {
    throw new LockstepError(
      'data/shape',
      `resize needs float32 images [height, width, channels] or clips of them, got ${spec.dtype} [${spec.shape.join(', ')}]`,
    );
  }
  return {
    channels,
    height: fromHeight,
    rows: planAxis(fromHeight, height, 1),
    columns: planAxis(fromWidth, width, channels),
    rowLength: fromWidth * channels,
  };
}

/** Positions come multiplied by `stride`. */
function planAxis(from: number, to: number, stride: number): Axis {
  const axis = { lower: new Int32Array(to), upper: new Int32Array(to), share: new Float32Array(to) };
  for (let position = 0; position < to; position++) {
    const centre = ((position + 0.5) * from) / to - 0.5;
    const floor = Math.floor(centre);
    axis.lower[position] = Math.max(floor, 0) * stride;
    axis.upper[position] = Math.min(floor + 1, from - 1) * stride;
    axis.share[position] = centre - floor;
  }
  return axis;
}

/** `image` is [height, width, channels] before, `resized` after. */
export function resize(image: Float32Array, plan: ResizePlan, resized: { [index: number]: number }): void {
  const { channels, rows, columns, rowLength } = plan;
  let out = 0;
  // Every index is in range by planAxis; a check per value would cost more than the arithmetic.
  for (let row = 0; row < rows.lower.length; row++) {
    const above = (rows.lower[row] as number) * rowLength;
    const below = (rows.upper[row] as number) * rowLength;
    const down = rows.share[row] as number;
    for (let column = 0; column < columns.lower.length; column++) {
      const left = columns.lower[column] as number;
      const right = columns.upper[column] as number;
      const across = columns.share[column] as number;
      for (let channel = 0; channel < channels; channel++) {
        const topLeft = image[above + left + channel] as number;
        const bottomLeft = image[below + left + channel] as number;
        const top = topLeft + ((image[above + right + channel] as number) - topLeft) * across;
        const bottom = bottomLeft + ((image[below + right + channel] as number) - bottomLeft) * across;
        resized[out++] = top + (bottom - top) * down;
      }
    }
  }
}
