import { engineContract } from '../support/engine-contract.ts';

await engineContract('cpu', { compile: false });
