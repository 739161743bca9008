import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import type { TensorSpec } from '../../shared/job/index.ts';
import { checkData, type LossKind } from '../../worker/engine/check-data.ts';

const spec = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });

function check(loss: LossKind, output: readonly (number | null)[], target: TensorSpec, input = spec(4)): void {
  checkData({
    modelInputs: [{ layer: 'first', shape: [4] }],
    modelOutputs: [{ layer: 'last', shape: output }],
    inputs: [input],
    targets: [target],
    losses: [loss],
  });
}

test('shapes that fit pass, whatever a last dimension of size 1', () => {
  check('categoricalCrossentropy', [10], spec(10));
  check('sparseCategoricalCrossentropy', [10], spec());
  check('sparseCategoricalCrossentropy', [10], spec(1));
  check('sparseCategoricalCrossentropy', [null, 10], spec(7));
  check('binaryCrossentropy', [1], spec());
  check('meanSquaredError', [1], spec(1));
  check('meanAbsoluteError', [null, 3], spec(5, 3));
});

const misfits: readonly {
  readonly name: string;
  readonly run: () => void;
  readonly code: string;
  readonly says: readonly RegExp[];
}[] = [
  {
    name: 'an input of another shape names the layer, both shapes and what to do',
    run: () => check('meanSquaredError', [2], spec(2), spec(8)),
    code: 'data/shape',
    says: [/layer first/, /\[4\]/, /\[8\]/, /resize/],
  },
  {
    name: 'class numbers for categoricalCrossentropy point to the sparse loss',
    run: () => check('categoricalCrossentropy', [10], spec()),
    code: 'data/shape',
    says: [/layer last/, /sparseCategoricalCrossentropy/, /10 classes/],
  },
  {
    name: 'one-hot targets for the sparse loss point to the other one',
    run: () => check('sparseCategoricalCrossentropy', [10], spec(10)),
    code: 'data/shape',
    says: [/one-hot targets need categoricalCrossentropy/],
  },
  {
    name: 'a categorical loss on one output, which would always be 0, is refused',
    run: () => check('categoricalCrossentropy', [1], spec(1)),
    code: 'job/invalid',
    says: [/binaryCrossentropy/],
  },
  {
    name: 'a wrong number of classes is refused',
    run: () => check('categoricalCrossentropy', [10], spec(100)),
    code: 'data/shape',
    says: [/\[10\]/, /\[100\]/],
  },
  {
    name: 'a model with more outputs than targets is refused',
    run: () =>
      checkData({
        modelInputs: [{ layer: 'in', shape: [1] }],
        modelOutputs: [
          { layer: 'a', shape: [1] },
          { layer: 'b', shape: [1] },
        ],
        inputs: [spec(1)],
        targets: [spec(1)],
        losses: ['meanSquaredError', 'meanSquaredError'],
      }),
    code: 'data/shape',
    says: [/2 outputs \(a, b\)/, /1 targets/],
  },
];

for (const { name, run, code, says } of misfits) {
  test(name, () => {
    assert.throws(run, (error: unknown) => {
      assert.ok(error instanceof LockstepError);
      assert.equal(error.code, code);
      for (const pattern of says) assert.match(error.message, pattern);
      return true;
    });
  });
}
