import { LockstepError } from '../../../shared/core/index.ts';
import type { LayerName } from '../../../shared/layers/index.ts';

/** Options without a default, the one that gives the layer its size first. */
const needed: { readonly [Name in LayerName]?: readonly string[] } = {
  ...{ dense: ['units'], embedding: ['inputDim', 'outputDim'], reshape: ['targetShape'], permute: ['dims'] },
  ...{ repeatVector: ['n'], rescaling: ['scale'], activation: ['activation'] },
  ...{ conv1d: ['filters', 'kernelSize'], conv2d: ['filters', 'kernelSize'], conv3d: ['filters', 'kernelSize'] },
  ...{ conv2dTranspose: ['filters', 'kernelSize'], separableConv2d: ['filters', 'kernelSize'] },
  ...{ depthwiseConv2d: ['kernelSize'], cropping2d: ['cropping'] },
  ...{ lstm: ['units'], gru: ['units'], simpleRNN: ['units'], bidirectional: ['layer'], timeDistributed: ['layer'] },
  ...{ multiHeadAttention: ['numHeads', 'keyDim'], positionEmbedding: ['sequenceLength'] },
  transformerEncoder: ['intermediateDim', 'numHeads'],
  ...{ dropout: ['rate'], spatialDropout1d: ['rate'], spatialDropout2d: ['rate'] },
  ...{ gaussianDropout: ['rate'], alphaDropout: ['rate'], gaussianNoise: ['stddev'], dot: ['axes'] },
};

/**
 * Refuses what TypeScript would, for programs in JavaScript: tfjs-layers takes a number in place of options, or no rate,
 * without a word, and trains NaN.
 * @throws LockstepError job/invalid for what is no object of options, one that is missing, a number that is none
 */
export function checkGiven(layer: LayerName, given: unknown): void {
  const refuse = (what: string): never => {
    throw new LockstepError('job/invalid', `layers.${layer}${what}`, { details: { layer } });
  };
  const needs = needed[layer] ?? [];
  if (!isPlain(given)) {
    const [first] = needs;
    const text = describe(given);
    const meant = isTensorOrLayer(given)
      ? `; a layer is called by layers.${layer}(…).apply(…)`
      : first !== undefined && `; did you mean layers.${layer}({ ${first}: ${text} })?`;
    refuse(` takes an object of options, got ${text}${meant || ''}`);
  }
  const options = given as Readonly<Record<string, unknown>>;
  const missing = needs.find((option) => options[option] === undefined || options[option] === null);
  const names = Object.keys(options);
  if (missing !== undefined) refuse(`: ${missing} is missing. Options given: ${names.join(', ') || 'none'}`);
  const noNumber = names.find((option) => Number.isNaN(options[option]));
  if (noNumber !== undefined) refuse(`: ${noNumber} must be a number, got NaN`);
  const { rate } = options;
  if (rate !== undefined && !(typeof rate === 'number' && rate >= 0 && rate <= 1)) {
    refuse(`: rate, the share that is dropped, must be a number from 0 to 1, got ${describe(rate)}`);
  }
}

/** An object literal, also one of another realm. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isTensorOrLayer(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (isTensorOrLayer(value)) return `a ${(value as object).constructor.name}`;
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value));
}
