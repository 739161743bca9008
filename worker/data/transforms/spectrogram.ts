import { at, LockstepError } from '../../../shared/core/index.ts';
import type { SpectrogramDescription } from '../../../shared/job/index.ts';
import { Spectrogram } from '../audio/spectrogram.ts';
import type { Source } from '../source.ts';

/**
 * The only input, sound [samples, channels], becomes [frames, bins, channels].
 * @throws LockstepError data/shape for what is no sound, or shorter than a frame; job/invalid for a mel scale beyond
 *   half of the sample rate, or of an unknown one
 */
export function spectrogramInputs(source: Source, description: SpectrogramDescription): Source {
  const [spec] = source.inputs;
  const [length, channels] = spec?.shape ?? [];
  if (spec?.dtype !== 'float32' || spec.shape.length !== 2 || length === undefined || channels === undefined) {
    throw new LockstepError(
      'data/shape',
      `spectrogram needs float32 sound [samples, channels], got [${spec?.shape.join(', ') ?? ''}]`,
    );
  }
  checkMel(description, source.sampleRate);
  const spectrogram = new Spectrogram(description, source.sampleRate ?? 1);
  const { bins } = spectrogram;
  const frames = spectrogram.frames(length);
  if (frames === 0) {
    throw new LockstepError(
      'data/shape',
      `spectrogram: a frame has ${description.frameLength} samples, but a sound only ${length}`,
    );
  }
  const sound = new Float32Array(length * channels);
  return {
    ...source,
    inputs: [{ shape: [frames, bins, channels], dtype: 'float32' }],
    read(index, inputs, targets, visit) {
      sound.fill(0);
      source.read(index, [sound], targets, visit);
      const values = at(inputs, 0);
      for (let frame = 0; frame < frames; frame++) {
        for (let channel = 0; channel < channels; channel++) {
          spectrogram.compute(sound, { frame, channel, channels }, (bin, value) => {
            values[(frame * bins + bin) * channels + channel] = value;
          });
        }
      }
    },
    close: () => source.close?.(),
  };
}

function checkMel({ mel }: SpectrogramDescription, sampleRate: number | undefined): void {
  if (mel === null) return;
  if (sampleRate === undefined) {
    throw new LockstepError('job/invalid', 'spectrogram: mel needs the sample rate, which only audioFolder knows');
  }
  if (mel.upperHz <= sampleRate / 2) return;
  throw new LockstepError(
    'job/invalid',
    `spectrogram: mel.upperHz ${mel.upperHz} is above ${sampleRate / 2} Hz, half of the sample rate`,
  );
}
