import { kerasParity } from '../support/keras-parity.ts';

await kerasParity('tensorflow', { compile: false });
