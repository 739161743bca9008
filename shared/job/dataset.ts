import { LockstepError } from '../core/index.ts';
import { type PadOptions, resolvePadding, resolveTokenizer, type TokenizerOptions } from '../preprocessing/index.ts';
import { checkBetween, checkCount, checkFinite, checkNatural, checkWhole, show } from './checks.ts';
import type { DatasetDescription } from './job.ts';
import { resolveName } from './names.ts';
import { shareWeights } from './sample-weights.ts';
import { resolveSpectrogram, type SpectrogramOptions } from './spectrogram-options.ts';
import type { FillMode, FlipMode, TransformDescription } from './transform-description.ts';

/** What a random turn or shift leaves uncovered: mirrored, the nearest pixel, or `fillValue`. */
export interface FillOptions {
  /** Default `reflect`, as in Keras. */
  readonly fillMode?: FillMode;
  /** Default 0. */
  readonly fillValue?: number;
}

const fillModes: readonly FillMode[] = ['reflect', 'nearest', 'constant'];
const flipModes: readonly FlipMode[] = ['horizontal', 'vertical', 'horizontalAndVertical'];

/**
 * What a job file passes as `data`: an immutable description of a data set. Each method returns a new one, so a
 * common start can be shared: `const train = datasets.cifar10({ split: 'train' }).oneHot(10)`, then
 * `train.slice(0, -1000)` to train on and `train.slice(-1000)` to validate with. Nothing is opened or read here.
 */
export class Dataset {
  readonly #description: DatasetDescription;

  constructor(description: DatasetDescription) {
    this.#description = description;
  }

  /** Bilinear, as TensorFlow's `tf.image.resize`; every input must be an image [height, width, channels]. */
  resize(height: number, width: number): Dataset {
    checkCount('resize: height', height);
    checkCount('resize: width', width);
    return this.#with({ kind: 'resize', height, width });
  }

  /** Every float input becomes `value · factor + offset`; `scale(1 / 255)` takes pixels from 0–255 to 0–1. */
  scale(factor: number, offset = 0): Dataset {
    checkFinite('scale: factor', factor);
    checkFinite('scale: offset', offset);
    return this.#with({ kind: 'scale', factor, offset });
  }

  /** A target that is one class number becomes [classes] zeros with a one. */
  oneHot(classes: number): Dataset {
    checkCount('oneHot: classes', classes);
    return this.#with({ kind: 'oneHot', classes });
  }

  /** The same values of each input in another shape: `reshape([28, 28, 1])` gives grey images their channel. */
  reshape(shape: readonly number[]): Dataset {
    if (!Array.isArray(shape)) {
      throw new LockstepError('job/invalid', `reshape: shape must be an array of sizes, got ${show(shape)}.`);
    }
    for (const size of shape) checkCount('reshape: every size', size);
    return this.#with({ kind: 'reshape', shape: [...shape] });
  }

  /**
   * Every float input becomes (value − mean) / √variance, as Keras's Normalization over the last axis: `mean` and
   * `variance` hold one number, or one per place in the last axis. With `adaptTo` they are measured once over that
   * data set, which must be the training data; they are saved with the model.
   */
  normalize(options: { readonly adaptTo: Dataset } | { readonly mean: Numbers; readonly variance: Numbers }): Dataset {
    if ('adaptTo' in options) return this.#with({ kind: 'normalize', adaptTo: adapted('normalize', options.adaptTo) });
    const [mean, variance] = [listed(options?.mean), listed(options?.variance)];
    for (const value of mean) checkFinite('normalize: mean', value);
    for (const value of variance) checkBetween('normalize: variance', value, 0, Number.MAX_VALUE);
    if (mean.length !== variance.length || mean.length === 0) {
      throw new LockstepError(
        'job/invalid',
        `normalize: mean and variance must hold as many numbers, got ${mean.length} and ${variance.length}.`,
      );
    }
    return this.#with({ kind: 'normalize', mean, variance });
  }

  /**
   * Texts become sequences of word numbers, as Keras's Tokenizer: 1 is the most frequent word of `adaptTo`, which must
   * be the training data. The words are saved with the model. `padSequences` gives the sequences one length.
   */
  tokenize({ adaptTo, ...options }: { readonly adaptTo: Dataset } & TokenizerOptions): Dataset {
    return this.#with({ kind: 'tokenize', adaptTo: adapted('tokenize', adaptTo), options: resolveTokenizer(options) });
  }

  /** Sequences become [maxLen], cut and padded as by Keras's `pad_sequences`, with its defaults. */
  padSequences(options: PadOptions & { readonly maxLen: number }): Dataset {
    return this.#with({ kind: 'padSequences', padding: resolvePadding(options) });
  }

  /** Sound [samples, channels] becomes the size of its short-time Fourier transform, [frames, frequencies, channels]. */
  spectrogram(options: SpectrogramOptions): Dataset {
    return this.#with(resolveSpectrogram(options));
  }

  /** Mirrors images at random, each way with probability ½. In training only, as all random transforms. */
  randomFlip(mode: FlipMode = 'horizontalAndVertical'): Dataset {
    return this.#with({ kind: 'randomFlip', mode: resolveName('mode of randomFlip', mode, flipModes) });
  }

  /** A part of the image at a random place; in evaluation the middle. */
  randomCrop(height: number, width: number): Dataset {
    checkCount('randomCrop: height', height);
    checkCount('randomCrop: width', width);
    return this.#with({ kind: 'randomCrop', height, width });
  }

  /** Turns images by a random angle of at most `factor` turns either way (0.1 is 36°), or between two such numbers. */
  randomRotation(factor: number | readonly [number, number], options: FillOptions = {}): Dataset {
    const [lower, upper] = typeof factor === 'number' ? [-factor, factor] : factor;
    checkBetween('randomRotation: factor', lower, -1, 1);
    checkBetween('randomRotation: factor', upper, lower, 1);
    return this.#with({ kind: 'randomRotation', lower, upper, ...filled('randomRotation', options) });
  }

  /** Moves images by at most these shares of their height and width, either way. */
  randomTranslation(heightFactor: number, widthFactor: number, options: FillOptions = {}): Dataset {
    checkBetween('randomTranslation: heightFactor', heightFactor, 0, 1);
    checkBetween('randomTranslation: widthFactor', widthFactor, 0, 1);
    const fill = filled('randomTranslation', options);
    return this.#with({ kind: 'randomTranslation', height: heightFactor, width: widthFactor, ...fill });
  }

  /** Every channel's distance from its mean grows by a random factor from 1 − `factor` to 1 + `factor`. */
  randomContrast(factor: number | readonly [number, number]): Dataset {
    const [lower, upper] = typeof factor === 'number' ? [factor, factor] : factor;
    checkBetween('randomContrast: factor', lower, 0, 1);
    checkBetween('randomContrast: factor', upper, 0, Number.MAX_VALUE);
    return this.#with({ kind: 'randomContrast', lower: 1 - lower, upper: 1 + upper });
  }

  /**
   * The samples in a fixed random order. Folders come class by class: shuffle them before a slice or split, or that
   * holds some classes only. (Training shuffles anew in each epoch anyway.)
   */
  shuffle(seed = 0): Dataset {
    checkNatural('shuffle: seed', seed);
    return this.#with({ kind: 'shuffle', seed });
  }

  /**
   * The first `share` of the samples (rounded down), and the rest: `split(0.8)` is Keras's `validation_split=0.2`,
   * which takes the last fifth before anything is shuffled.
   */
  split(share: number): [first: Dataset, rest: Dataset] {
    checkBetween('split: share', share, 0, 1);
    return [this.#with({ kind: 'part', from: 0, to: share }), this.#with({ kind: 'part', from: share, to: 1 })];
  }

  /**
   * How much each sample counts in the loss and in `weightedMetrics`, in the order of the samples at this place: Keras's
   * `sample_weight`. The loss is the sum of weighted losses divided by the number of samples, not by the weights.
   */
  sampleWeights(weights: ArrayLike<number>): Dataset {
    return this.#with({ kind: 'sampleWeights', weights: shareWeights(weights) });
  }

  /** Samples [start, end) of this data set; numbers below 0 count from its end, as with arrays. */
  slice(start: number, end?: number): Dataset {
    checkWhole('slice: start', start);
    if (end !== undefined) checkWhole('slice: end', end);
    return this.#with({ kind: 'slice', start, end: end ?? null });
  }

  /** The first `count` samples, or all if there are fewer. */
  take(count: number): Dataset {
    checkCount('take: count', count);
    return this.slice(0, count);
  }

  describe(): DatasetDescription {
    return this.#description;
  }

  #with(transform: TransformDescription): Dataset {
    return new Dataset({ ...this.#description, transforms: [...this.#description.transforms, transform] });
  }
}

/** One number for all places of the last axis, or one for each. */
export type Numbers = number | readonly number[];

function listed(given: Numbers | undefined): readonly number[] {
  return typeof given === 'number' ? [given] : [...(given ?? [])];
}

function adapted(transform: string, dataset: unknown): DatasetDescription {
  // By its method, not its class: a data set may come from another copy of this package.
  if (typeof dataset === 'object' && dataset !== null && 'describe' in dataset) return (dataset as Dataset).describe();
  throw new LockstepError(
    'job/invalid',
    `${transform}: adaptTo must be the data set of the training data, got ${show(dataset)}.`,
  );
}

function filled(transform: string, { fillMode = 'reflect', fillValue = 0 }: FillOptions): Required<FillOptions> {
  checkFinite(`${transform}: fillValue`, fillValue);
  return { fillMode: resolveName(`fillMode of ${transform}`, fillMode, fillModes), fillValue };
}
