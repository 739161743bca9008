import type { FillMode } from '../../../shared/job/index.ts';

/** An image's sizes; its values are [height, width, channels]. */
export interface Frame {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

type Change = (from: Float32Array, to: Float32Array, frame: Frame) => void;

/** Mirrors left and right, top and bottom. */
export function flip(isAcross: boolean, isDown: boolean): Change {
  return (from, to, { height, width, channels }) => {
    for (let row = 0; row < height; row++) {
      const fromRow = isDown ? height - 1 - row : row;
      for (let column = 0; column < width; column++) {
        const fromColumn = isAcross ? width - 1 - column : column;
        const [out, at] = [(row * width + column) * channels, (fromRow * width + fromColumn) * channels];
        for (let channel = 0; channel < channels; channel++) to[out + channel] = from[at + channel] as number;
      }
    }
  };
}

export function crop(part: { top: number; left: number; height: number; width: number }): Change {
  return (from, to, { width, channels }) => {
    const length = part.width * channels;
    for (let row = 0; row < part.height; row++) {
      const start = ((part.top + row) * width + part.left) * channels;
      to.set(from.subarray(start, start + length), row * length);
    }
  };
}

/** Each channel's mean is over the frame, as in `tf.image.adjust_contrast`. */
export function adjustContrast(factor: number): Change {
  return (from, to, { channels }) => {
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let index = channel; index < from.length; index += channels) sum += from[index] as number;
      const mean = sum / (from.length / channels);
      for (let index = channel; index < from.length; index += channels) {
        to[index] = ((from[index] as number) - mean) * factor + mean;
      }
    }
  };
}

/** Turned counterclockwise about the middle, then moved by pixels, down and to the right. */
export interface Motion {
  readonly cosine: number;
  readonly sine: number;
  readonly down: number;
  readonly across: number;
}

/** Bilinear: each pixel of the result is taken from where it was before. */
export function warp(
  { cosine, sine, down, across }: Motion,
  fill: { readonly fillMode: FillMode; readonly fillValue: number },
): Change {
  return (from, to, frame) => {
    const { height, width, channels } = frame;
    const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
    const pixel = pixelReader(from, frame, fill);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [y, x] = [row - middleY - down, column - middleX - across];
        const fromX = cosine * x - sine * y + middleX;
        const fromY = sine * x + cosine * y + middleY;
        const [top, left] = [Math.floor(fromY), Math.floor(fromX)];
        const [shareY, shareX] = [fromY - top, fromX - left];
        for (let channel = 0; channel < channels; channel++) {
          const upper = mix(pixel(top, left, channel), pixel(top, left + 1, channel), shareX);
          const lower = mix(pixel(top + 1, left, channel), pixel(top + 1, left + 1, channel), shareX);
          to[(row * width + column) * channels + channel] = mix(upper, lower, shareY);
        }
      }
    }
  };
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

function pixelReader(
  from: Float32Array,
  { height, width, channels }: Frame,
  { fillMode, fillValue }: { readonly fillMode: FillMode; readonly fillValue: number },
): (row: number, column: number, channel: number) => number {
  return (row, column, channel) => {
    const y = inside(row, height, fillMode);
    const x = inside(column, width, fillMode);
    return y < 0 || x < 0 ? fillValue : (from[(y * width + x) * channels + channel] as number);
  };
}

/** The place that stands for one outside of [0, size); −1 for none. Mirroring repeats the edge: b a | a b c | c b. */
function inside(place: number, size: number, mode: FillMode): number {
  if (place >= 0 && place < size) return place;
  switch (mode) {
    case 'constant':
      return -1;
    case 'nearest':
      return place < 0 ? 0 : size - 1;
    default: {
      const period = 2 * size;
      const folded = ((place % period) + period) % period;
      return folded < size ? folded : period - 1 - folded;
    }
  }
}
