import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { layers } from '../../worker/engine/index.ts';
import { mappings, refusals } from '../../worker/exchange/keras/table.ts';

/** Ways to make a layer that have another way beside them, with what they need beyond `anyOptions`. */
const anyOptions = {
  ...{ units: 1, filters: 1, kernelSize: 1, rate: 0.5, inputDim: 1, outputDim: 1, n: 1, targetShape: [1], dims: [1] },
  ...{ axes: 1, stddev: 1, size: [1, 1], padding: 1, cropping: 1, inputShape: [1], activation: 'relu', scale: 1 },
  ...{ height: 1, width: 1, numTokens: 1, factor: 1, alpha: 1, normalize: false },
};

const ownLayers = { numHeads: 1, keyDim: 1, sequenceLength: 1 };

/** Options that cannot be left away, with the layers of Lockstep's that need them. */
const needs: Readonly<Record<string, readonly string[]>> = {
  units: ['dense', 'lstm', 'gru', 'simpleRNN'],
  filters: ['conv1d', 'conv2d', 'conv3d', 'conv2dTranspose', 'separableConv2d'],
  kernelSize: ['conv1d', 'conv2d', 'conv3d', 'conv2dTranspose', 'separableConv2d', 'depthwiseConv2d'],
  rate: ['dropout', 'spatialDropout1d', 'spatialDropout2d', 'gaussianDropout', 'alphaDropout'],
  ...{ stddev: ['gaussianNoise'], inputDim: ['embedding'], outputDim: ['embedding'], n: ['repeatVector'] },
  ...{ targetShape: ['reshape'], dims: ['permute'], scale: ['rescaling'], activation: ['activation'], axes: ['dot'] },
  ...{ layer: ['bidirectional', 'timeDistributed'], cropping: ['cropping2d'] },
  ...{ numHeads: ['multiHeadAttention'], keyDim: ['multiHeadAttention'], sequenceLength: ['positionEmbedding'] },
};

/** Class names of everything that `tf.layers` and `layers` make. */
function layerClasses(): string[] {
  const names = new Set<string>();
  for (const [name, make] of Object.entries(tf.layers)) {
    // Base classes to extend, and a function that makes a tensor rather than a layer.
    if (/^[A-Z]/.test(name) || name === 'input') continue;
    names.add((make as (options: object) => tf.layers.Layer)(optionsOf(name)).getClassName());
  }
  // Lockstep's own, which saved models hold likewise.
  for (const [name, make] of Object.entries(layers)) {
    if (name === 'transformerEncoder') continue;
    names.add((make as (options: object) => tf.layers.Layer)(ownOptions(name)).getClassName());
  }
  return [...names];
}

function ownOptions(name: string): object {
  const known = { ...ownLayers, ...optionsOf(name) } as Record<string, unknown>;
  const needed = Object.keys(needs).filter((option) => needs[option]?.includes(name));
  return Object.fromEntries(needed.map((option) => [option, known[option]]));
}

function optionsOf(name: string): object {
  const layer = (): tf.layers.Layer => tf.layers.lstm({ units: 1 });
  if (name === 'rnn') return { cell: tf.layers.lstmCell({ units: 1 }) };
  if (name === 'stackedRNNCells') return { cells: [tf.layers.lstmCell({ units: 1 })] };
  if (name === 'bidirectional' || name === 'timeDistributed') return { layer: layer(), mergeMode: 'concat' };
  if (/^(conv|separableConv|depthwiseConv|max|average|avg)/i.test(name)) return { ...anyOptions, padding: 'same' };
  if (name === 'leakyReLU' || name === 'elu') return {};
  return anyOptions;
}

test('every layer has an equal in Keras or a reason why not, and never both', () => {
  const classes = layerClasses();
  assert.ok(classes.length > 50, `only ${classes.length} layers found`);
  const mapped = mappings.map(({ tfjs }) => tfjs);
  const refused = refusals.map(({ name }) => name);
  for (const name of classes) {
    assert.equal(mapped.includes(name) || refused.includes(name), true, `${name} is in neither table`);
  }
  assert.deepEqual(
    refused.filter((name) => mapped.includes(name)),
    [],
  );
  const unknown = [...mapped, ...refused].filter((name) => !classes.includes(name));
  assert.deepEqual(unknown.sort(), ['Functional', 'Model', 'Sequential'], 'models alone are made elsewhere');
});
