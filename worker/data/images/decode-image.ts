import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';

/** Red, green, blue and opacity of each pixel, row by row, 0 to 255. */
export interface DecodedImage {
  readonly height: number;
  readonly width: number;
  readonly rgba: Uint8Array;
}

/** A decoder never takes more than this, whatever size a file claims. */
const MAX_MEMORY_MB = 1024;
const MAX_MEGAPIXELS = 200;

export type ImageFormat = 'jpeg' | 'png';

/** By the first bytes. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return 'jpeg';
  if ([0x89, 0x50, 0x4e, 0x47].every((byte, index) => bytes[index] === byte)) return 'png';
  return undefined;
}

/**
 * Decodes JPEG (baseline and progressive) and PNG in JavaScript, so that the bits are the same on every machine.
 * @throws Error with what is wrong in the file
 */
export function decodeImage(bytes: Uint8Array): DecodedImage {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (imageFormat(bytes)) {
    case 'jpeg': {
      const limits = { maxMemoryUsageInMB: MAX_MEMORY_MB, maxResolutionInMP: MAX_MEGAPIXELS };
      // Not tolerant: a file that was cut short must not become a picture that is grey below.
      const { height, width, data } = jpeg.decode(buffer, { useTArray: true, tolerantDecoding: false, ...limits });
      return { height, width, rgba: data };
    }
    case 'png': {
      const { height, width, data } = PNG.sync.read(buffer);
      return { height, width, rgba: data };
    }
    default:
      throw new Error('it is neither JPEG nor PNG');
  }
}
