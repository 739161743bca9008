import { kerasLayerParity } from '../support/keras-layer-parity.ts';

await kerasLayerParity('cpu');
