import { stat } from 'node:fs/promises';
import { type LoadedModel, loadModel, type ModelMetadata } from '../checkpoint/index.ts';
import { buildFromTopology, describeTopology, type NamedWeight, type Trainer, type tf } from '../engine/index.ts';
import { type NamedArray, openForeignFile } from '../exchange/index.ts';
import { modelDirectory } from './model-directory.ts';

/** The weights of a saved model, for a model that is there. */
export interface SavedWeights {
  readonly metadata: ModelMetadata;
  /** @throws LockstepError checkpoint/mismatch naming layer and shapes; then no weight has changed */
  writeTo(trainer: Trainer): Promise<void>;
}

/**
 * Opens a directory with model.json, or a file of another program.
 * @throws LockstepError checkpoint/missing, checkpoint/corrupt, checkpoint/unsupported
 */
export async function openSavedWeights(path: string): Promise<SavedWeights> {
  if (await isDirectory(path)) {
    const { metadata, weights } = await loadModel(modelDirectory(path));
    return { metadata, writeTo: async (trainer) => trainer.writeWeights(weights) };
  }
  const file = await openForeignFile(path);
  return {
    metadata: file.metadata,
    writeTo: async (trainer) => {
      const arrays = file.weightsFor(await describeTopology(trainer.topology));
      const values = new Map(arrays.map((array) => [array.name, array]));
      trainer.writeWeights(trainer.readWeights().map((own) => ({ ...own, ...values.get(own.name) })));
    },
  };
}

/** @throws LockstepError checkpoint/* */
export async function loadSavedModel(path: string): Promise<Pick<LoadedModel, 'topology' | 'weights' | 'metadata'>> {
  if (await isDirectory(path)) return loadModel(modelDirectory(path));
  const file = await openForeignFile(path);
  const topology = file.topology();
  const model = await describeTopology(topology);
  return { topology, weights: inModelOrder(model.weights, file.weightsFor(model)), metadata: file.metadata };
}

/** Which weights are trainable follows from the topology. */
function inModelOrder(order: readonly { readonly name: string }[], arrays: readonly NamedArray[]): NamedWeight[] {
  const byName = new Map(arrays.map((array) => [array.name, array]));
  return order.map(({ name }) => ({ ...(byName.get(name) as NamedArray), trainable: true }));
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/**
 * A model with its weights from a directory with model.json (a run's, or TensorFlow.js's own), a `.keras` or an `.h5`
 * file, for a job's `model` function.
 * @throws LockstepError checkpoint/missing, checkpoint/corrupt, checkpoint/unsupported naming the layer
 */
export async function load(path: string): Promise<tf.LayersModel> {
  const { topology, weights } = await loadSavedModel(path);
  return buildFromTopology(topology, weights);
}
