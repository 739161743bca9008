import { assertNever, at, LockstepError, RandomStream } from '../../../shared/core/index.ts';
import type { AugmentDescription, TensorSpec } from '../../../shared/job/index.ts';
import { cosineAndSine } from '../audio/exact-functions.ts';
import type { Source } from '../source.ts';
import { valuesPerSample } from '../values-per-sample.ts';
import { adjustContrast, crop, type Frame, flip, warp } from './image-changes.ts';

/** Changes one image: `from` and `to` are [height, width, channels]; all frames of a clip are changed alike. */
type Change = (from: Float32Array, to: Float32Array, frame: Frame) => void;

/**
 * Random changes of images [height, width, channels], or of clips [frames, height, width, channels]. What is drawn is a
 * function of (seed, epoch, sample, place), so that it is the same whichever worker has the sample. `place` tells equal
 * transforms apart.
 * @throws LockstepError data/shape for what is no image
 */
export function augmentInputs(source: Source, description: AugmentDescription, place: number): Source {
  const frames = source.inputs.map((spec) => frameOf(spec, description.kind));
  const originals = source.inputs.map((spec) => new Float32Array(valuesPerSample(spec)));
  const isCrop = description.kind === 'randomCrop';
  for (const { height, width } of frames) {
    if (!isCrop || (description.height <= height && description.width <= width)) continue;
    const wanted = `${description.height} × ${description.width}`;
    throw new LockstepError('data/shape', `randomCrop: ${wanted} does not fit in images of ${height} × ${width}`);
  }
  return {
    ...source,
    inputs: isCrop ? source.inputs.map((spec) => cropped(spec, description.height, description.width)) : source.inputs,
    read(index, inputs, targets, visit) {
      for (const original of originals) original.fill(0);
      source.read(index, originals, targets, visit);
      const random = visit && new RandomStream(visit.seed, visit.epoch, index, place);
      for (const [input, original] of originals.entries()) {
        const frame = at(frames, input);
        const change = drawChange(description, frame, random);
        applyToFrames(original, at(inputs, input) as Float32Array, frame, change);
      }
    },
    close: () => source.close?.(),
  };
}

function frameOf({ shape, dtype }: TensorSpec, transform: string): Frame {
  const [height, width, channels] = shape.slice(-3);
  const isImage = (shape.length === 3 || shape.length === 4) && dtype === 'float32';
  if (isImage && height !== undefined && width !== undefined && channels !== undefined) {
    return { height, width, channels };
  }
  throw new LockstepError(
    'data/shape',
    `${transform} needs float32 images [height, width, channels] or clips of them, got ${dtype} [${shape.join(', ')}]`,
  );
}

function cropped({ shape, dtype }: TensorSpec, height: number, width: number): TensorSpec {
  return { shape: [...shape.slice(0, -3), height, width, at(shape, shape.length - 1)], dtype };
}

function applyToFrames(from: Float32Array, to: Float32Array, frame: Frame, change: Change): void {
  const length = frame.height * frame.width * frame.channels;
  const count = from.length / length;
  const toLength = to.length / count;
  for (let index = 0; index < count; index++) {
    const [start, toStart] = [index * length, index * toLength];
    change(from.subarray(start, start + length), to.subarray(toStart, toStart + toLength), frame);
  }
}

/** Without random numbers, what evaluation gets: the image itself, or its middle. */
function drawChange(description: AugmentDescription, frame: Frame, random: RandomStream | undefined): Change {
  if (description.kind === 'randomCrop') return drawCrop(description, frame, random);
  if (random === undefined) return (from, to) => to.set(from);
  switch (description.kind) {
    case 'randomFlip': {
      const [isAcross, isDown] = [random.next() < 0.5, random.next() < 0.5];
      const { mode } = description;
      return flip(mode !== 'vertical' && isAcross, mode !== 'horizontal' && isDown);
    }
    case 'randomRotation': {
      const turns = random.uniform(description.lower, description.upper);
      const [cosine, sine] = cosineAndSine(turns < 0 ? turns + 1 : turns);
      return warp({ cosine, sine, down: 0, across: 0 }, description);
    }
    case 'randomTranslation': {
      const down = random.uniform(-description.height, description.height) * frame.height;
      const across = random.uniform(-description.width, description.width) * frame.width;
      return warp({ cosine: 1, sine: 0, down, across }, description);
    }
    case 'randomContrast':
      return adjustContrast(random.uniform(description.lower, description.upper));
    default:
      return assertNever(description);
  }
}

function drawCrop(
  { height, width }: { readonly height: number; readonly width: number },
  frame: Frame,
  random: RandomStream | undefined,
): Change {
  const [down, across] = [frame.height - height, frame.width - width];
  const top = random === undefined ? Math.floor(down / 2) : random.below(down + 1);
  const left = random === undefined ? Math.floor(across / 2) : random.below(across + 1);
  return crop({ top, left, height, width });
}
