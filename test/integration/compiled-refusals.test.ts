import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import { type Engine, tf } from '../../worker/engine/index.ts';
import { openEngine, smallJob } from '../support/engine-fixtures.ts';

const { engine: opened, skip } = await openEngine('tensorflow');
const engine = opened as Engine;

/** A layer called `mine` that does what a test wants between two dense layers. */
function modelAround(call: (x: tf.Tensor) => tf.Tensor): tf.LayersModel {
  class Mine extends tf.layers.Layer {
    static className = 'Mine';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      return tf.tidy(() => call((Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor));
    }
    override computeOutputShape(shape: tf.Shape): tf.Shape {
      return shape;
    }
  }
  return modelWith(new Mine({ name: 'mine' }));
}

function modelWith(layer: tf.layers.Layer): tf.LayersModel {
  const layers = [
    tf.layers.dense({ inputShape: [6], units: 4 }),
    layer,
    tf.layers.dense({ units: 3, activation: 'softmax' }),
  ];
  return tf.sequential({ layers });
}

let calls = 0;

const impure: readonly (readonly [string, (x: tf.Tensor) => tf.Tensor, RegExp])[] = [
  [
    'calls Math.random',
    (x) => tf.mul(x, Math.random()),
    /layer [^ ]*mine.*a constant that Mul reads changes.*Math\.random/,
  ],
  [
    'draws a tensor by tf.randomNormal',
    (x) => tf.add(x, tf.randomNormal([4])),
    /layer [^ ]*mine.*a constant that Add reads/,
  ],
  ['reads the clock', (x) => tf.mul(x, Date.now() / 1e12), /layer [^ ]*mine.*a constant that Mul reads.*Date\.now/],
  ['counts its calls', (x) => tf.mul(x, ++calls), /layer [^ ]*mine.*a counter/],
  [
    'runs other ops each time',
    (x) => (++calls % 2 === 0 ? tf.sin(x) : tf.cos(x)),
    /layer [^ ]*mine.*it runs other ops/,
  ],
  ['reads a tensor by dataSync', (x) => tf.mul(x, x.dataSync()[0] ?? 0), /reads a tensor’s values in JavaScript/],
  ['reads a tensor by arraySync', (x) => tf.mul(x, x.arraySync() as number[][]), /reads a tensor’s values/],
  [
    'branches on data',
    (x) => ((tf.sum(x).dataSync()[0] ?? 0) > 0 ? tf.relu(x) : x),
    /a branch on them.*tf\.where.*--eager/,
  ],
];

for (const [what, call, message] of impure) {
  test(`a step that ${what} is refused before training, with the way out`, { skip }, async () => {
    await refused(() => modelAround(call), 'engine/impure', message);
  });
}

const withoutGradient: readonly (readonly [string, () => tf.layers.Layer | ((x: tf.Tensor) => tf.Tensor), RegExp])[] = [
  [
    'thresholdedReLU',
    () => tf.layers.thresholdedReLU({ name: 'gate', theta: 0.3 }),
    /no gradient for the op Greater in layer [^ ]*gate/,
  ],
  ['topk', () => (x) => tf.topk(x, 4).values, /no gradient for the op TopK in layer [^ ]*mine/],
];

for (const [what, make, message] of withoutGradient) {
  test(`${what}, which has no gradient, is refused with its layer and op`, { skip }, async () => {
    const build = (): tf.LayersModel => {
      const made = make();
      return typeof made === 'function' ? modelAround(made) : modelWith(made);
    };
    await refused(build, 'engine/unsupported', message);
  });
}

test('what a compiled step refuses for reading values trains eagerly', { skip }, async () => {
  const buildModel = () => modelAround((x) => ((tf.sum(x).dataSync()[0] ?? 0) > 0 ? tf.relu(x) : tf.mul(x, 2)));
  const trainer = await engine.createTrainer(smallJob({ buildModel, compile: false }));
  trainer.close();
});

async function refused(buildModel: () => tf.LayersModel, code: string, message: RegExp): Promise<void> {
  await assert.rejects(engine.createTrainer(smallJob({ buildModel, compile: true, rows: [4] })), (error: unknown) => {
    assert.ok(error instanceof LockstepError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}
