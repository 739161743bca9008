import { LockstepError } from '../core/index.ts';
import { type ArrayTensor, shareTensors } from './array-tensors.ts';
import { checkCount, checkNatural, show } from './checks.ts';
import type { Dataset } from './dataset.ts';
import { checkFileName, type Directory, describe } from './describe-dataset.ts';
import { folderDatasets } from './folder-datasets.ts';
import { kerasDatasets } from './keras-datasets.ts';
import { numpyDatasets } from './numpy-datasets.ts';
import { tableDatasets } from './table-datasets.ts';

export interface IdxOptions {
  /** File names in the directory. */
  readonly images: string;
  readonly labels: string;
  /** Labels are 0 to classes − 1. */
  readonly classes: number;
}

export interface GlyphsOptions {
  readonly samples: number;
  readonly seed: number;
  readonly height: number;
  readonly width: number;
  /** Number of the first sample: ranges of numbers that don't overlap have no image in common. */
  readonly first: number;
}

/** The data sets that a job can name; each function throws LockstepError job/invalid on a bad option. */
export const datasets = {
  ...kerasDatasets,
  ...tableDatasets,
  ...numpyDatasets,
  ...folderDatasets,

  /**
   * Two files in the IDX format (MNIST's) of unsigned bytes, unpacked or as .gz. Input [height, width, 1] float32, 0 to 255;
   * target [1], a class number below `classes` (10 by default).
   */
  idx(options: {
    readonly images: string;
    readonly labels: string;
    readonly classes?: number;
    readonly directory?: Directory;
  }): Dataset {
    const { images, labels, classes = 10, directory } = options;
    checkFileName('idx: images', images);
    checkFileName('idx: labels', labels);
    checkCount('idx: classes', classes);
    return describe('idx', { images, labels, classes } satisfies IdxOptions, directory);
  },

  /**
   * Generated pictures of 10 shapes in random pose, size and colours over a noisy ground with specks; needs no files.
   * Input [height, width, 3] float32, 0 to 255; target [1], class 0 to 9. Sample k is a function of (seed, first + k).
   */
  glyphs(options: {
    readonly samples: number;
    readonly seed?: number;
    readonly height?: number;
    readonly width?: number;
    readonly first?: number;
  }): Dataset {
    const { samples, seed = 0, height = 32, width = height, first = 0 } = options;
    checkCount('glyphs: samples', samples);
    checkNatural('glyphs: seed', seed);
    checkNatural('glyphs: first', first);
    for (const [name, size] of Object.entries({ height, width })) {
      checkCount(`glyphs: ${name}`, size);
      if (size < 8) throw new LockstepError('job/invalid', `glyphs: ${name} must be at least 8 pixels, got ${size}.`);
    }
    return describe('glyphs', { samples, seed, height, width, first } satisfies GlyphsOptions);
  },

  /**
   * Values in memory: one tensor, or one per model input and output. All threads of a worker share them.
   * `{ values, shape }`: values of all samples after one another, and the shape of one sample.
   */
  arrays(options: {
    readonly inputs: ArrayTensor | readonly ArrayTensor[];
    readonly targets: ArrayTensor | readonly ArrayTensor[];
  }): Dataset {
    return describe('arrays', { ...shareTensors(options) });
  },

  /**
   * A reader of your own: a module that exports `open(options, context): Source | Promise<Source>`, in TypeScript or
   * JavaScript. It runs in the loader thread, so `options` must be structured-cloneable.
   */
  custom(options: { readonly module: URL; readonly options?: unknown }): Dataset {
    const { module, options: own = null } = options;
    if (!(module instanceof URL)) {
      throw new LockstepError(
        'job/invalid',
        `custom: module must be a URL, such as new URL('./my-data.ts', import.meta.url), got ${show(module)}.`,
      );
    }
    return describe('custom', { options: cloned(own) }, module, (url) => url.href);
  },
};

function cloned(options: unknown): unknown {
  try {
    return structuredClone(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LockstepError('job/invalid', `custom: options cannot go to the loader thread: ${reason}`, { cause });
  }
}
