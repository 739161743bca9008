import { at } from '../../../shared/core/index.ts';
import type { DatasetDescription, GlyphsOptions } from '../../../shared/job/index.ts';
import { glyphClass, renderGlyph } from '../glyphs/render.ts';
import type { Source } from '../source.ts';

/** Pictures are kept once rendered, up to this many bytes; those beyond are rendered anew each time. */
const CACHE_BYTES = 128 * 1024 * 1024;

/** Generated pictures of 10 shapes; see `datasets.glyphs`. */
export function openGlyphs(description: DatasetDescription): Source {
  const { samples, seed, height, width, first } = description.options as unknown as GlyphsOptions;
  const bytes = height * width * 3;
  const cached = Math.min(samples, Math.floor(CACHE_BYTES / bytes));
  const cache = new Uint8Array(cached * bytes);
  const isRendered = new Uint8Array(cached);
  const scratch = new Uint8Array(bytes);
  const picture = (index: number): Uint8Array => {
    const pixels = index < cached ? cache.subarray(index * bytes, (index + 1) * bytes) : scratch;
    if (index < cached && isRendered[index] === 1) return pixels;
    renderGlyph(seed, first + index, { height, width }, pixels);
    if (index < cached) isRendered[index] = 1;
    return pixels;
  };
  return {
    size: samples,
    inputs: [{ shape: [height, width, 3], dtype: 'float32' }],
    targets: [{ shape: [1], dtype: 'float32' }],
    read(index, inputs, targets) {
      at(inputs, 0).set(picture(index));
      at(targets, 0)[0] = glyphClass(seed, first + index);
    },
  };
}
