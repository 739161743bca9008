import { engineContract } from '../support/engine-contract.ts';

await engineContract('tensorflow', { compile: true });
