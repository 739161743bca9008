import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockstepError } from '../../shared/core/index.ts';
import { type Engine, type TrainerOptions, tf } from '../../worker/engine/index.ts';
import { openEngine, randomBatch, smallJob } from '../support/engine-fixtures.ts';

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

/** Not awaited: a call of a layer is synchronous, what comes of the values is not. */
function readsLater(x: tf.Tensor): tf.Tensor {
  void x.data().then((values) => calls + (values[0] ?? 0));
  return x;
}

function prints(x: tf.Tensor): tf.Tensor {
  x.print();
  return x;
}

/** [what a layer or a loss does with a tensor, what the refusal says after it says where] */
const impure: readonly (readonly [string, (x: tf.Tensor) => tf.Tensor, RegExp])[] = [
  ['calls Math.random', (x) => tf.mul(x, Math.random()), /draws by Math\.random.*random layers.*data.*--eager/],
  ['branches on Math.random', (x) => (Math.random() < 0.999 ? x : tf.mul(x, 2)), /draws by Math\.random/],
  ['draws a tensor by tf.randomNormal', (x) => tf.add(x, tf.randomNormal([1])), /draws by .*a random op of tf/],
  ['drops out by tf.dropout', (x) => tf.dropout(x, 0.5), /draws by .*a random op of tf/],
  ['reads the clock', (x) => tf.mul(x, Date.now() / 1e12), /a constant that Mul reads changes.*a clock/],
  ['makes a Date', (x) => tf.mul(x, new Date().getMinutes() + 1), /a constant that Mul reads changes/],
  ['measures time', (x) => tf.mul(x, performance.now() / 1e9), /a constant that Mul reads changes/],
  [
    'measures time in nanoseconds',
    (x) => tf.mul(x, Number(process.hrtime.bigint()) / 1e15),
    /a constant that Mul reads/,
  ],
  ['counts its calls', (x) => tf.mul(x, ++calls), /a constant that Mul reads changes.*a counter/],
  ['runs other ops each time', (x) => (++calls % 2 === 0 ? tf.sin(x) : tf.cos(x)), /it runs other ops/],
  ['reads a tensor by dataSync', (x) => tf.mul(x, x.dataSync()[0] ?? 0), /reads a tensor’s values.*, after op \w/],
  ['reads a tensor by arraySync', (x) => tf.mul(x, x.arraySync() as number[][]), /reads a tensor’s values/],
  ['reads a tensor by data', readsLater, /reads a tensor’s values/],
  ['prints a tensor', prints, /reads a tensor’s values/],
  [
    'branches on data',
    (x) => ((tf.sum(x).dataSync()[0] ?? 0) > 0 ? tf.relu(x) : tf.abs(x)),
    /a branch on them.*tf\.where.*--eager/,
  ],
];

for (const [what, call, message] of impure) {
  test(`a layer that ${what} is refused before training, with the way out`, { skip }, async () => {
    await refused({ buildModel: () => modelAround(call) }, 'engine/impure', /layer [^ ]*mine/, message);
  });

  test(`a loss that ${what} is refused before training, with the way out`, { skip }, async () => {
    const loss = (yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor => tf.square(call(tf.sub(yTrue, yPred)));
    await refused({ loss }, 'engine/impure', /the job’s loss/, message);
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
    await refused({ buildModel: build }, 'engine/unsupported', message);
    await refused({ buildModel: build, compile: false }, 'engine/unsupported', message);
  });
}

test('a loss without a gradient on the way is refused with its op', { skip }, async () => {
  const loss = (yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor => tf.topk(tf.squaredDifference(yTrue, yPred), 2).values;
  const message = /no gradient for the op TopK in the job’s loss/;
  await refused({ loss }, 'engine/unsupported', message);
  await refused({ loss, compile: false }, 'engine/unsupported', message);
});

test('a loss that does not look at what the model gives is refused', { skip }, async () => {
  const loss = (yTrue: tf.Tensor): tf.Tensor => tf.square(yTrue);
  for (const compile of [true, false]) {
    await refused({ loss, compile }, 'job/invalid', /the loss depends on no trainable weight.*yPred/);
  }
});

test('a metric that reads values is refused by its name', { skip }, async () => {
  const worst = (_yTrue: tf.Tensor, yPred: tf.Tensor): tf.Tensor => tf.mul(yPred, yPred.dataSync()[0] ?? 0);
  await refused({ metrics: [worst] }, 'engine/impure', /the job’s metric worst reads a tensor’s values/);
});

for (const compile of [true, false]) {
  test(`an asynchronous layer is refused by its name, ${compile ? 'compiled' : 'op by op'}`, { skip }, async () => {
    const call = async (x: tf.Tensor) => tf.mul(x, (await x.data())[0] ?? 0);
    const message = compile ? /layer [^ ]*mine reads a tensor’s values/ : /layer [^ ]*mine is asynchronous.*dataSync/;
    const code = compile ? 'engine/impure' : 'engine/unsupported';
    await refused({ buildModel: () => modelAround(call as unknown as () => tf.Tensor), compile }, code, message);
  });
}

test('what a layer throws op by op is told with the layer', { skip }, async () => {
  const call = (x: tf.Tensor): tf.Tensor => {
    // Not while the model is built.
    if (x.shape[0] !== null && calls++ >= 0 && x.dataSync().length > 0) throw new Error('my own bug');
    return x;
  };
  const options = { buildModel: () => modelAround(call), compile: false };
  await refused(options, 'engine/failed', /step 0, replica 0 in layer [^ ]*mine: my own bug/);
});

test('what a compiled step refuses for reading values trains eagerly', { skip }, async () => {
  const buildModel = () => modelAround((x) => ((tf.sum(x).dataSync()[0] ?? 0) > 0 ? tf.relu(x) : tf.mul(x, 2)));
  const trainer = await engine.createTrainer(smallJob({ buildModel, compile: false }));
  trainer.close();
});

/** Compiled, nothing gets a trainer; op by op, the first step fails. */
async function refused(options: Partial<TrainerOptions>, code: string, ...messages: RegExp[]): Promise<void> {
  const job = smallJob({ compile: true, rows: [4], ...options });
  const attempt = async (): Promise<void> => {
    const trainer = await engine.createTrainer(job);
    try {
      if (!job.compile)
        trainer.forwardBackward(randomBatch(job, 4), { step: 0, replica: 0, replicas: 1, globalSamples: 4 });
    } finally {
      trainer.close();
    }
  };
  await assert.rejects(attempt(), (error: unknown) => {
    assert.ok(error instanceof LockstepError, String(error));
    assert.equal(error.code, code, error.message);
    for (const message of messages) assert.match(error.message, message);
    return true;
  });
}
