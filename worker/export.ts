import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { assertNever } from '../shared/core/index.ts';
import { loadModel, refuseExisting, saveModel, writeFileWhole } from './checkpoint/index.ts';
import { describeTopology } from './engine/index.ts';
import { type LayerJson, writeKerasArchive, writeSafetensors } from './exchange/index.ts';

export const exportFormats = ['keras', 'tfjs', 'safetensors'] as const;

export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  /** Output directory of a run, or directory of a saved model. */
  readonly model: string;
  readonly format: ExportFormat;
  readonly out: string;
  /** Whether what is at `out` may be replaced. */
  readonly force: boolean;
}

/**
 * Writes a saved model in the form of another program; `out` appears whole or not at all.
 * @throws LockstepError checkpoint/*
 */
export async function runExport({ model, format, out, force }: ExportOptions): Promise<void> {
  await refuseExisting(out, force);
  const saved = await loadModel(modelDirectory(model));
  switch (format) {
    case 'keras': {
      const topology = saved.topology as LayerJson;
      const bytes = await writeKerasArchive(topology, await describeTopology(topology), saved.weights);
      return writeFileWhole(out, bytes, { force });
    }
    case 'safetensors':
      return writeFileWhole(out, writeSafetensors(saved.weights, weightsMetadata(saved.metadata)), { force });
    case 'tfjs':
      await saveModel(out, saved);
      return;
    default:
      return assertNever(format);
  }
}

/** The model of a run, or the directory itself. */
export function modelDirectory(path: string): string {
  const inRun = join(path, 'model');
  return !existsSync(join(path, 'model.json')) && existsSync(join(inRun, 'model.json')) ? inRun : path;
}

/** Safetensors knows texts alone. */
function weightsMetadata(metadata: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(metadata).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return { format: 'lockstep', ...Object.fromEntries(entries) };
}
