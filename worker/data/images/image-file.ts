import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { LockstepError } from '../../../shared/core/index.ts';
import type { ColorMode, ImageFolderOptions } from '../../../shared/job/index.ts';
import { planResize, resize } from '../transforms/resize.ts';
import { type DecodedImage, decodeImage, imageFormat } from './decode-image.ts';

const channelCounts: Readonly<Record<ColorMode, number>> = { grayscale: 1, rgb: 3, rgba: 4 };

export function channelsOf(colorMode: ColorMode): number {
  return channelCounts[colorMode];
}

export function isImageName(name: string): boolean {
  return /\.(jpe?g|png)$/i.test(name);
}

/**
 * Looks at a file's first bytes, so that most wrong files are known before training.
 * @throws LockstepError data/corrupt
 */
export function checkImageFile(path: string): void {
  const start = new Uint8Array(8);
  const file = openSync(path, 'r');
  try {
    if (readSync(file, start) > 0 && imageFormat(start) !== undefined) return;
  } finally {
    closeSync(file);
  }
  throw broken(path, 'it is neither JPEG nor PNG');
}

/**
 * Reads one image as [height, width, channels], 0 to 255, bilinearly resized.
 * @throws LockstepError data/corrupt with the file's path
 */
export function readImage(path: string, options: ImageFolderOptions, into: { [index: number]: number }): void {
  let decoded: DecodedImage;
  try {
    decoded = decodeImage(readFileSync(path));
  } catch (error) {
    throw broken(path, error instanceof Error ? error.message : String(error), error);
  }
  const { height, width } = decoded;
  const pixels = toChannels(decoded, options.colorMode);
  const shape = [height, width, channelsOf(options.colorMode)];
  resize(pixels, planResize({ shape, dtype: 'float32' }, options.height, options.width), into);
}

function broken(path: string, problem: string, cause?: unknown): LockstepError {
  return new LockstepError('data/corrupt', `${path} cannot be read as an image: ${problem}; replace it or remove it`, {
    details: { file: path },
    cause,
  });
}

/** Grey is 0.2989 red + 0.587 green + 0.114 blue, as `tf.image.rgb_to_grayscale`. */
function toChannels({ height, width, rgba }: DecodedImage, colorMode: ColorMode): Float32Array {
  const pixels = height * width;
  const channels = channelsOf(colorMode);
  const values = new Float32Array(pixels * channels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const [from, to] = [4 * pixel, channels * pixel];
    if (channels === 1) {
      values[to] =
        0.2989 * (rgba[from] as number) + 0.587 * (rgba[from + 1] as number) + 0.114 * (rgba[from + 2] as number);
    } else {
      for (let channel = 0; channel < channels; channel++) values[to + channel] = rgba[from + channel] as number;
    }
  }
  return values;
}
