import assert from 'node:assert/strict';
import type { EngineName } from '../../worker/engine/index.ts';
import { determinismContract } from './engine-contract-determinism.ts';
import { limitsContract } from './engine-contract-limits.ts';
import { ownFunctionsContract } from './engine-contract-own-functions.ts';
import { trainingContract } from './engine-contract-training.ts';
import { weightsContract } from './engine-contract-weights.ts';
import { openEngineUnderTest } from './engine-under-test.ts';

/** What every engine must do. An engine is its process's only one, so each runs in a test file of its own. */
export async function engineContract(name: EngineName, { compile }: { readonly compile: boolean }): Promise<void> {
  const subject = await openEngineUnderTest(name, compile);

  subject.contract('says what decides its bits', async () => {
    const { info } = subject.engine;
    assert.equal(info.name, name);
    assert.match(info.version, /^\d+\.\d+\.\d+/);
    assert.match(info.deviceClass, /^(cpu|cuda)-./);
    assert.ok(info.threads >= 1);
  });
  trainingContract(subject);
  determinismContract(subject);
  weightsContract(subject);
  limitsContract(subject);
  ownFunctionsContract(subject);
}
