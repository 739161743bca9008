import { assertNever } from '../../shared/core/index.ts';
import { refuseExisting, replaceDirectory, saveModel, writeFileWhole } from '../checkpoint/index.ts';
import { describeTopology, encodeServingModel, loadEngine } from '../engine/index.ts';
import { type LayerJson, writeKerasArchive, writeSafetensors } from '../exchange/index.ts';
import { loadSavedModel } from './load-weights.ts';

/** The one file of a SavedModel whose weights are in its graph. */
const savedModelFile = 'saved_model.pb';

export const exportFormats = ['keras', 'savedmodel', 'tfjs', 'safetensors'] as const;

export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  /** Output directory of a run, directory of a saved model, or a model in a file of Keras. */
  readonly model: string;
  readonly format: ExportFormat;
  readonly out: string;
  /** Whether what is at `out` may be replaced. */
  readonly force: boolean;
}

/**
 * Writes a saved model in the form of another program; `out` appears whole or not at all.
 * @throws LockstepError checkpoint/*, and engine/* for a SavedModel, which TensorFlow records
 */
export async function runExport({ model, format, out, force }: ExportOptions): Promise<void> {
  await refuseExisting(out, force);
  const saved = await loadSavedModel(model);
  switch (format) {
    case 'keras': {
      const topology = saved.topology as LayerJson;
      const bytes = await writeKerasArchive(topology, await describeTopology(topology), saved.weights, saved.metadata);
      return writeFileWhole(out, bytes, { force });
    }
    case 'safetensors':
      return writeFileWhole(out, writeSafetensors(saved.weights, { lockstep: JSON.stringify(saved.metadata) }), {
        force,
      });
    case 'savedmodel': {
      await loadEngine('tensorflow', { threads: 1 });
      const bytes = await encodeServingModel(saved.topology, saved.weights);
      return replaceDirectory(out, [{ path: savedModelFile, bytes }], { isOwn: (name) => name === savedModelFile });
    }
    case 'tfjs':
      await saveModel(out, saved);
      return;
    default:
      return assertNever(format);
  }
}
