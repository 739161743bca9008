import { deriveKey } from '../../shared/core/index.ts';
import { layersBelow } from './layer-tree.ts';
import { randomPurpose } from './seeded-random.ts';
import type { tf } from './tf.ts';

interface SeededLayer {
  seed: number;
}

/**
 * Dropout layers with a seed of their own. tfjs repeats one mask in every call of such a layer; Keras makes each call's
 * mask from the seed and a counter. Here the mask is a function of both seeds, the step and the lane.
 */
export class SeededLayers {
  readonly #layers: readonly { readonly layer: SeededLayer; readonly seed: number }[];

  constructor(model: tf.LayersModel) {
    this.#layers = layersBelow(model)
      .filter((layer) => layer.getClassName() === 'Dropout')
      .map((layer) => layer as unknown as SeededLayer)
      .filter(({ seed }) => typeof seed === 'number')
      .map((layer) => ({ layer, seed: layer.seed }));
  }

  reseed(runSeed: number, step: number, lane: number): void {
    for (const { layer, seed } of this.#layers) {
      layer.seed = deriveKey(runSeed, randomPurpose.seededLayer, step, lane, seed);
    }
  }
}
