import { at, LockstepError } from '../../../shared/core/index.ts';
import type { AudioFolderOptions, DatasetDescription } from '../../../shared/job/index.ts';
import { readWav, readWavFormat, type WavFormat } from '../audio/wav-file.ts';
import { type ClassEntry, listClassFolders } from '../files/class-folders.ts';
import { DataFile, type FileNeeds } from '../files/data-files.ts';
import type { OpenContext, Source } from '../source.ts';

const needs: FileNeeds = { name: 'this audio folder', contents: 'WAV files' };

/** A folder of WAV files for each class. @throws LockstepError data/missing, data/empty, data/corrupt, data/shape */
export function openAudioFolder(description: DatasetDescription, context: OpenContext): Source {
  const options = description.options as unknown as AudioFolderOptions;
  const { entries } = listClassFolders(options, description.location, context.directory, {
    name: 'this audio folder',
    sample: 'WAV files',
    isSample: (name, isFolder) => !isFolder && /\.wav$/i.test(name),
  });
  const formats = entries.map(({ path }) => withFile(path, readWavFormat));
  const sampleRate = options.sampleRate ?? at(formats, 0).sampleRate;
  checkFormats(entries, formats, options.channels, sampleRate);
  const length = options.length ?? formats.reduce((most, format) => Math.max(most, format.length), 1);
  return {
    size: entries.length,
    inputs: [{ shape: [length, options.channels], dtype: 'float32' }],
    targets: [{ shape: [1], dtype: 'float32' }],
    labels: entries.map(({ label }) => label),
    sampleRate,
    read(index, [clip], [target]) {
      const { path, label } = at(entries, index);
      if (clip !== undefined) {
        clip.fill(0);
        withFile(path, (file) => readWav(file, at(formats, index), length, clip));
      }
      if (target !== undefined) target[0] = label;
    },
  };
}

function checkFormats(
  entries: readonly ClassEntry[],
  formats: readonly WavFormat[],
  channels: number,
  sampleRate: number,
): void {
  const wrong = formats.findIndex((format) => format.channels !== channels || format.sampleRate !== sampleRate);
  if (wrong < 0) return;
  const { channels: found, sampleRate: rate } = at(formats, wrong);
  const { path } = at(entries, wrong);
  throw new LockstepError(
    'data/shape',
    `${path} has ${found} channels at ${rate} Hz, expected ${channels} at ${sampleRate} Hz: all clips must be alike; ` +
      `convert it, for example by ffmpeg -i IN.wav -ac ${channels} -ar ${sampleRate} OUT.wav`,
    { details: { file: path, channels: found, sampleRate: rate } },
  );
}

function withFile<Value>(path: string, use: (file: DataFile) => Value): Value {
  const file = new DataFile(path, needs);
  try {
    return use(file);
  } finally {
    file.close();
  }
}
