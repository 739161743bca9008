import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { loadModel, saveModel } from '../../worker/checkpoint/index.ts';

/** What any program with plain tfjs would do to read model.json and the files that it names. */
function fromDirectory(directory: string): tf.io.IOHandler {
  return {
    load: async () => {
      const json = JSON.parse(readFileSync(join(directory, 'model.json'), 'utf8')) as tf.io.ModelJSON;
      return tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const files = manifest.flatMap(({ paths }) => paths.map((path) => readFileSync(join(directory, path))));
        const weightData = Buffer.concat(files);
        const specs = manifest.flatMap(({ weights }) => weights);
        return [specs, weightData.buffer.slice(weightData.byteOffset, weightData.byteOffset + weightData.byteLength)];
      });
    },
  };
}

test('plain tfjs loads a saved model and predicts the same numbers', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-tfjs-'));
  try {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 3, kernelSize: 3, activation: 'relu' }),
        tf.layers.batchNormalization(),
        tf.layers.flatten(),
        tf.layers.dense({ units: 4, activation: 'softmax' }),
      ],
    });
    const trainable = new Set(model.trainableWeights.map(({ name }) => name));
    const values = model.getWeights().map((tensor) => tensor.dataSync() as Float32Array);
    const weights = model.weights.map(({ name, shape }, i) => ({
      ...{ name, shape: shape as number[], trainable: trainable.has(name), values: values[i] as Float32Array },
    }));
    const target = join(directory, 'model');
    await saveModel(
      target,
      { topology: model.toJSON(null, false), weights, metadata: { steps: 1 } },
      { shardBytes: 100 },
    );

    const input = tf.randomUniform([2, 8, 8, 1], -1, 1, 'float32', 7);
    const expected = (model.predict(input) as tf.Tensor).dataSync();
    const plain = await tf.loadLayersModel(fromDirectory(target));
    assert.deepEqual((plain.predict(input) as tf.Tensor).dataSync(), expected);
    assert.deepEqual((await loadModel(target)).weights, weights);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
