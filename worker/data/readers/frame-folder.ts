import { join } from 'node:path';
import { at, LockstepError } from '../../../shared/core/index.ts';
import type { DatasetDescription, FrameFolderOptions } from '../../../shared/job/index.ts';
import { listClassFolders } from '../files/class-folders.ts';
import { listFiles } from '../files/data-files.ts';
import { channelsOf, checkImageFile, isImageName, readImage } from '../images/image-file.ts';
import type { OpenContext, Source } from '../source.ts';

/**
 * A folder of clips for each class; a clip is a folder of frames.
 * @throws LockstepError data/missing, data/empty, data/corrupt
 */
export function openFrameFolder(description: DatasetDescription, context: OpenContext): Source {
  const options = description.options as unknown as FrameFolderOptions;
  const { frames, height, width } = options;
  const { entries } = listClassFolders(options, description.location, context.directory, {
    name: 'this frame folder',
    sample: 'a folder of frames for each clip',
    isSample: (_name, isFolder) => isFolder,
  });
  const clips = entries.map(({ path }) => chooseFrames(path, frames));
  for (const clip of clips) for (const frame of new Set(clip)) checkImageFile(frame);
  const channels = channelsOf(options.colorMode);
  return {
    size: entries.length,
    inputs: [{ shape: [frames, height, width, channels], dtype: 'float32' }],
    targets: [{ shape: [1], dtype: 'float32' }],
    labels: entries.map(({ label }) => label),
    read(index, [clip], [target]) {
      const length = height * width * channels;
      if (clip !== undefined) {
        for (const [place, path] of at(clips, index).entries()) {
          readImage(path, options, clip.subarray(place * length, (place + 1) * length));
        }
      }
      if (target !== undefined) target[0] = at(entries, index).label;
    },
  };
}

/** Evenly spaced from the first on; a clip with too few frames is an error, because repeating some would hide it. */
function chooseFrames(clip: string, frames: number): string[] {
  const names = listFiles(clip).filter(isImageName);
  if (names.length < frames) {
    throw new LockstepError(
      'data/corrupt',
      `${clip} holds ${names.length} frames (JPEG or PNG), expected at least ${frames}; remove the clip, or lower \`frames\``,
      { details: { clip, frames: names.length } },
    );
  }
  return Array.from({ length: frames }, (_, place) =>
    join(clip, at(names, Math.floor((place * names.length) / frames))),
  );
}
