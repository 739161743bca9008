import { kerasParity } from '../support/keras-parity.ts';

await kerasParity('cpu', { compile: false });
