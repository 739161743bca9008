import { LockstepError } from '../../shared/core/index.ts';
import { layersBelow } from './layer-tree.ts';
import { randomPurpose, withSeededRandom } from './seeded-random.ts';
import { tf } from './tf.ts';

/**
 * Calls the job's model function with every random draw taken from `seed`, and checks what it returns.
 * @throws LockstepError job/threw, job/invalid, engine/unsupported
 */
export async function buildModel(factory: () => unknown, seed: number): Promise<tf.LayersModel> {
  const model = await callFactory(factory, seed);
  if (!(model instanceof tf.LayersModel)) throw notAModel(model);
  try {
    checkModel(model);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

async function callFactory(factory: () => unknown, seed: number): Promise<unknown> {
  try {
    return await withSeededRandom([seed, randomPurpose.model], factory);
  } catch (error) {
    throw LockstepError.from(error, 'job/threw', "the job's model function threw: ");
  }
}

function notAModel(value: unknown): LockstepError {
  const name =
    value === null ? 'null' : typeof value === 'object' ? (value?.constructor?.name ?? 'an object') : typeof value;
  // A class of the right name from elsewhere is a second copy of tfjs: it would run on another engine.
  const isForeign = ['Sequential', 'LayersModel', 'Functional'].includes(name);
  return new LockstepError(
    'job/invalid',
    isForeign
      ? `the job's model is a ${name} of another copy of TensorFlow.js; make it with the \`tf\` that is exported by lockstep`
      : `the job's model function must return a tf.LayersModel (tf.sequential or tf.model), got ${name}`,
  );
}

function checkModel(model: tf.LayersModel): void {
  if (model instanceof tf.Sequential && model.layers.length === 0) {
    throw new LockstepError('job/invalid', "the job's model has no layers; add at least one");
  }
  if (model.trainableWeights.length === 0) {
    throw new LockstepError('job/invalid', "the job's model has no trainable weights, so there is nothing to train");
  }
  for (const layer of layersBelow(model)) {
    if ((layer as { stateful?: boolean }).stateful === true && !(layer instanceof tf.LayersModel)) {
      throw new LockstepError(
        'engine/unsupported',
        `layer ${layer.name} is stateful: it carries values from batch to batch, but replicas see other batches ` +
          'when the number of workers changes; make it with stateful: false',
      );
    }
  }
  for (const weight of model.weights) {
    if (weight.read().dtype === 'float32') continue;
    throw new LockstepError(
      'engine/unsupported',
      `weight ${weight.originalName} is of type ${weight.read().dtype}; only float32 weights can be trained and saved`,
    );
  }
}
