import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tf } from '../../worker/engine/index.ts';
import type { LayerJson } from '../../worker/exchange/keras/field.ts';
import { layerToKeras } from '../../worker/exchange/keras/layer-config.ts';
import { buildChain, layerGoldens } from '../support/keras-layer-cases.ts';

await tf.setBackend('cpu');

const inner = { toKeras: (layer: LayerJson) => layerToKeras(layer, inner), toTfjs: (layer: LayerJson) => layer };

/** Names, and what says nothing about a layer's values. */
const aside = new Set(['name', 'dtype', 'seed', 'module', 'registered_name', 'build_config', 'trainable']);

/** Keras notes these of a call, resolves them when it builds, or reads them where another option asks for it. */
const resolved = new Set([
  'attention_axes',
  'renorm_momentum',
  'zero_output_for_mask',
  'backward_layer',
  'value_range',
]);

for (const subject of layerGoldens.cases) {
  test(`options and defaults are Keras’s: ${subject.name}`, () => {
    const model = buildChain(subject);
    const topology = model.toJSON(null, false) as unknown as { config: { layers: LayerJson[] } };
    model.dispose();
    const made = topology.config.layers.filter(({ class_name }) => class_name !== 'InputLayer');
    assert.equal(made.length, subject.layers.length);
    for (const [index, { config, layer }] of subject.layers.entries()) {
      if (config === null) continue;
      const ours = plain(layerToKeras(made[index] as LayerJson, inner).config) as Record<string, unknown>;
      const keras = plain(config) as Record<string, unknown>;
      // tfjs-layers counts it from the front once it knows the input.
      if (layer === 'layerNormalization') ours['axis'] = -1;
      for (const [option, value] of Object.entries(keras)) {
        assert.deepEqual(ours[option], value, `${layer}: ${option}`);
      }
    }
  });
}

/** Without nothing and what is aside, and each initializer in its general form. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.every((item) => item === value[0]) ? plain(value[0]) : value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const { class_name, config } = value as Partial<LayerJson>;
  const scaling = class_name === undefined ? undefined : varianceScaling[class_name];
  if (scaling !== undefined) return { class_name: 'VarianceScaling', config: scaling };
  const kept = Object.entries(config === undefined ? value : { class_name, config });
  return Object.fromEntries(
    kept
      .filter(([key, item]) => item !== null && !aside.has(key) && !resolved.has(key))
      .map(([key, item]) => [key, plain(item)]),
  );
}

const varianceScaling: Readonly<Record<string, object>> = {
  GlorotUniform: { scale: 1, mode: 'fan_avg', distribution: 'uniform' },
  GlorotNormal: { scale: 1, mode: 'fan_avg', distribution: 'truncated_normal' },
};
