import { LockstepError } from '../core/index.ts';
import { checkCount, show } from './checks.ts';
import type { Dataset } from './dataset.ts';
import { type Directory, describe } from './describe-dataset.ts';
import { resolveName } from './names.ts';
import { checkNames } from './table-datasets.ts';

/** Channels of every image: 3, 1 or 4. */
export type ColorMode = 'rgb' | 'grayscale' | 'rgba';

export interface FolderOptions {
  /** Folder in the data directory, or null for that itself. */
  readonly folder: string | null;
  /** Class names, which are the names of the folders; null takes the folders there are, in alphabetical order. */
  readonly classes: readonly string[] | null;
}

export interface ImageFolderOptions extends FolderOptions {
  readonly height: number;
  readonly width: number;
  readonly colorMode: ColorMode;
}

export interface FrameFolderOptions extends ImageFolderOptions {
  readonly frames: number;
}

export interface AudioFolderOptions extends FolderOptions {
  /** Samples of each channel in every clip; null takes the longest clip's. */
  readonly length: number | null;
  readonly sampleRate: number | null;
  readonly channels: number;
}

export interface ClassFolder {
  /** Folder in the data directory, such as `train`. */
  readonly folder?: string;
  /** Names of the classes' folders in the order of their numbers. Default: all there are, in alphabetical order. */
  readonly classes?: readonly string[];
  readonly directory?: Directory;
}

export interface PictureFolder extends ClassFolder {
  /** [height, width] that every image is resized to (bilinear). Default [256, 256], as in Keras. */
  readonly imageSize?: readonly [height: number, width: number];
  /** Default `rgb`. */
  readonly colorMode?: ColorMode;
}

const colorModes: readonly ColorMode[] = ['rgb', 'grayscale', 'rgba'];

/** A folder for each class. Samples come class by class: `shuffle` them before you cut the data set. */
export const folderDatasets = {
  /** JPEG and PNG files. Input [height, width, channels] float32, 0 to 255; target [1], a class number. */
  imageFolder(options: PictureFolder = {}): Dataset {
    return describe('imageFolder', pictures('imageFolder', options) satisfies ImageFolderOptions, options.directory);
  },

  /**
   * Videos as folders of frames: class / clip / JPEG or PNG files in the order of their names. `frames` of each clip,
   * evenly spaced. Input [frames, height, width, channels] float32, 0 to 255; target [1], a class number.
   */
  frameFolder(options: PictureFolder & { readonly frames: number }): Dataset {
    const { frames, directory } = options;
    checkCount('frameFolder: frames', frames);
    return describe(
      'frameFolder',
      { ...pictures('frameFolder', options), frames } satisfies FrameFolderOptions,
      directory,
    );
  },

  /**
   * WAV files. Input [length, channels] float32, −1 to 1; shorter clips end in silence, longer ones are cut. `length`
   * is the longest clip's when left out. Target [1], a class number.
   */
  audioFolder(
    options: ClassFolder & { readonly length?: number; readonly sampleRate?: number; readonly channels?: number } = {},
  ): Dataset {
    const { length = null, sampleRate = null, channels = 1, directory } = options;
    if (length !== null) checkCount('audioFolder: length', length);
    if (sampleRate !== null) checkCount('audioFolder: sampleRate', sampleRate);
    checkCount('audioFolder: channels', channels);
    const given: AudioFolderOptions = { ...folder('audioFolder', options), length, sampleRate, channels };
    return describe('audioFolder', given, directory);
  },
};

function pictures(kind: string, options: PictureFolder): ImageFolderOptions {
  const { imageSize = [256, 256], colorMode = 'rgb' } = options;
  const [height, width] = imageSize;
  checkCount(`${kind}: height in imageSize`, height);
  checkCount(`${kind}: width in imageSize`, width);
  const mode = resolveName(`colorMode of ${kind}`, colorMode, colorModes);
  return { ...folder(kind, options), height, width, colorMode: mode };
}

function folder(kind: string, options: ClassFolder): FolderOptions {
  const { folder: name = null, classes = null } = options;
  if (name !== null && (typeof name !== 'string' || name === '')) {
    throw new LockstepError('job/invalid', `${kind}: folder must be a folder's name, got ${show(name)}.`);
  }
  if (classes !== null) checkNames(kind, classes);
  return { folder: name, classes };
}
