import { at } from '../../../shared/core/index.ts';
import type { DatasetDescription, ImageFolderOptions } from '../../../shared/job/index.ts';
import { listClassFolders } from '../files/class-folders.ts';
import { channelsOf, checkImageFile, isImageName, readImage } from '../images/image-file.ts';
import type { OpenContext, Source } from '../source.ts';

/** A folder of pictures for each class. @throws LockstepError data/missing, data/empty, data/corrupt */
export function openImageFolder(description: DatasetDescription, context: OpenContext): Source {
  const options = description.options as unknown as ImageFolderOptions;
  const { height, width, colorMode } = options;
  const { entries } = listClassFolders(options, description.location, context.directory, {
    name: 'this image folder',
    sample: 'JPEG or PNG files',
    isSample: (name, isFolder) => !isFolder && isImageName(name),
  });
  for (const { path } of entries) checkImageFile(path);
  return {
    size: entries.length,
    inputs: [{ shape: [height, width, channelsOf(colorMode)], dtype: 'float32' }],
    targets: [{ shape: [1], dtype: 'float32' }],
    labels: entries.map(({ label }) => label),
    read(index, [image], [target]) {
      const { path, label } = at(entries, index);
      if (image !== undefined) readImage(path, options, image);
      if (target !== undefined) target[0] = label;
    },
  };
}
