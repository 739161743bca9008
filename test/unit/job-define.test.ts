import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  datasets,
  defineJob,
  isJob,
  type JobInput,
  losses,
  lossName,
  metrics,
  optimizers,
} from '../../shared/job/index.ts';
import { thrown } from '../support/thrown.ts';

const train = datasets.glyphs({ samples: 10 });
const good: JobInput = { model: () => ({}), optimizer: 'sgd', loss: 'meanSquaredError', data: { train } };

test('a job has every default filled in: Keras’s batch of 32 and 1 epoch, seed 0, shuffled', () => {
  const { model, ...job } = defineJob(good);
  assert.equal(model, good.model);
  assert.deepEqual(job, {
    optimizer: optimizers.sgd(),
    loss: { kind: 'meanSquaredError' },
    lossWeights: null,
    metrics: [],
    weightedMetrics: [],
    onNonFinite: 'stop',
    data: { train: train.describe() },
    batchSize: 32,
    accumulate: 1,
    epochs: 1,
    seed: 0,
    shuffle: true,
    precision: 'float32',
    wire: 'float32',
    callbacks: [],
    compile: true,
  });
});

test('what is given is kept, and names in Keras’s spelling are understood', () => {
  const job = defineJob({
    ...good,
    loss: 'categorical_crossentropy' as 'categoricalCrossentropy',
    metrics: ['acc' as 'accuracy'],
    data: { train, validation: train.take(1), test: train.slice(-1) },
    batchSize: 36,
    epochs: 3,
    seed: 2 ** 53 - 1,
    shuffle: false,
  });
  assert.deepEqual(
    [job.loss, job.metrics, job.batchSize, job.epochs],
    [losses.categoricalCrossentropy(), [metrics.accuracy()], 36, 3],
  );
  assert.deepEqual([job.seed, job.shuffle], [2 ** 53 - 1, false]);
  assert.deepEqual(job.data.validation, train.take(1).describe());
});

test('only what defineJob made is a job, and its mark is no field of it', () => {
  const job = defineJob(good);
  assert.ok(isJob(job));
  assert.ok(!isJob({ ...job }) && !isJob(good) && !isJob(null) && !isJob('job'));
  assert.ok(!Object.keys(job).includes('lockstep.job'));
});

/** [what is wrong, the change to a good job, what the message must say] */
const bad: readonly (readonly [string, object, RegExp])[] = [
  ['no model', { model: undefined }, /the job has no model/],
  ['no data', { data: undefined }, /the job has no data/],
  ['a built model', { model: { layers: [] } }, /model must be a function .* got an object \{layers\}; every worker/],
  ['an unknown optimizer', { optimizer: 'adma' }, /unknown optimizer "adma"; did you mean "adam"/],
  ['an unknown loss', { loss: 'categoricalCrossentropi' }, /unknown loss .*did you mean "categoricalCrossentropy"/],
  ['an unknown metric', { metrics: ['acuracy'] }, /unknown metric "acuracy"; did you mean "accuracy"/],
  [
    'a metric function without a name',
    {
      metrics: [
        (
          () => () =>
            null
        )(),
      ],
    },
    /a metric function has no name; .*under its name/,
  ],
  ['a metric function that is called as another', { metrics: [function loss() {}] }, /is called "loss", which means/],
  ['a compile that is no switch', { compile: 'no' }, /compile must be true or false, got "no"/],
  [
    'a metric alone',
    { metrics: 'accuracy' },
    /metrics must be an array of names, metrics or functions, .* got "accuracy"/,
  ],
  ['a metric twice', { metrics: ['accuracy', 'acc'] }, /metrics name "accuracy" twice/],
  ['a misspelt field', { batchsize: 32 }, /knows no "batchsize"; did you mean "batchSize"/],
  ['a misspelt split', { data: { train, tset: train } }, /data knows no "tset"; did you mean "test"/],
  ['no training data', { data: { test: train } }, /data\.train must be a data set .* got undefined/],
  ['something else as data', { data: { train: [1, 2] } }, /data\.train must be .* got an array of 2/],
  ['a fraction as batch size', { batchSize: 3.5 }, /batchSize must be a whole number of at least 1, got 3\.5/],
  ['a batch of nothing', { batchSize: 0 }, /batchSize must be .* got 0/],
  ['a text as epochs', { epochs: '3' }, /epochs must be a whole number of at least 1, got "3"/],
  ['a negative seed', { seed: -1 }, /seed must be a whole number from 0 to 2\^53 - 1, got -1/],
  [
    'an unknown precision',
    { precision: 'mixed_float16' },
    /unknown precision "mixed_float16"; did you mean "mixed_bfloat16"/,
  ],
  ['a text as shuffle', { shuffle: 'no' }, /shuffle must be true or false, got "no"/],
];
for (const [what, change, message] of bad) {
  test(`a job with ${what} is refused with field, value and expectation`, () => {
    assert.match(thrown('job/invalid', () => defineJob({ ...good, ...change } as JobInput)).message, message);
  });
}

test('no object at all is refused', () => {
  assert.match(
    thrown('job/invalid', () => defineJob(undefined as unknown as JobInput)).message,
    /expects an object .* got undefined/,
  );
});

test('a data set is immutable and can be cloned to another thread', () => {
  const base = datasets.cifar10({ split: 'train', directory: new URL('file:///data/cifar') });
  const changed = base
    .resize(64, 64)
    .scale(1 / 255)
    .oneHot(10);
  assert.deepEqual(base.describe(), {
    kind: 'cifar10',
    options: { split: 'train' },
    location: '/data/cifar',
    transforms: [],
  });
  assert.deepEqual(changed.describe().transforms, [
    { kind: 'resize', height: 64, width: 64 },
    { kind: 'scale', factor: 1 / 255, offset: 0 },
    { kind: 'oneHot', classes: 10 },
  ]);
  assert.deepEqual(structuredClone(changed.describe()), changed.describe());
});

test('arrays are shared with threads, and their contents are part of what the data set is', () => {
  const make = (last: number) =>
    datasets.arrays({ inputs: { values: [1, 2, 3, last], shape: [2] }, targets: { values: [0, 1], shape: [1] } });
  const tensors = (make(4).describe().options as unknown as { inputs: { values: Float32Array; sha256: string }[] })
    .inputs;
  assert.ok(tensors[0]?.values.buffer instanceof SharedArrayBuffer);
  const hashOf = (last: number) => JSON.stringify(make(last).describe().options).match(/"sha256":"\w+"/g);
  assert.deepEqual(hashOf(4), hashOf(4));
  assert.notDeepEqual(hashOf(4), hashOf(5));
});

const module = pathToFileURL('/my-data.ts');
/** [what is wrong, making it, what the message must say] */
const badData: readonly (readonly [string, () => unknown, RegExp])[] = [
  [
    'an unknown split',
    () => datasets.cifar10({ split: 'trian' as 'train' }),
    /unknown split of cifar10 "trian".*"train"/,
  ],
  [
    'a number as directory',
    () => datasets.cifar10({ split: 'test', directory: 3 as unknown as string }),
    /directory .* got 3/,
  ],
  ['no file name', () => datasets.idx({ images: '', labels: 'l' }), /idx: images must be a file name, got ""/],
  ['no samples', () => datasets.glyphs({ samples: 0 }), /glyphs: samples must be .* at least 1, got 0/],
  ['tiny pictures', () => datasets.glyphs({ samples: 1, height: 4 }), /height must be at least 8 pixels, got 4/],
  ['a negative first', () => datasets.glyphs({ samples: 1, first: -1 }), /glyphs: first must not be below 0, got -1/],
  ['a size of 0', () => train.resize(0, 64), /resize: height must be .* got 0/],
  ['an infinite scale', () => train.scale(1 / 0), /scale: factor must be a finite number, got Infinity/],
  ['a fraction as slice', () => train.slice(0.1), /slice: start must be a whole number, got 0\.1/],
  [
    'a path for a module',
    () => datasets.custom({ module: './x.ts' as unknown as URL }),
    /custom: module must be a URL/,
  ],
  [
    'a function for a thread',
    () => datasets.custom({ module, options: { f: () => 1 } }),
    /options cannot go to the loader/,
  ],
  [
    'no values',
    () => datasets.arrays({ inputs: { values: [], shape: [1] }, targets: [] }),
    /targets must hold at least one/,
  ],
  [
    'values that fill no whole sample',
    () => datasets.arrays({ inputs: { values: [1, 2, 3], shape: [2] }, targets: { values: [1], shape: [1] } }),
    /arrays: inputs hold 3 values; expected a positive multiple of 2/,
  ],
  [
    'more inputs than targets',
    () => datasets.arrays({ inputs: [{ values: [1, 2], shape: [1] }], targets: { values: [1], shape: [1] } }),
    /inputs\[0\] hold 2 samples, but targets hold 1/,
  ],
];
for (const [what, make, message] of badData) {
  test(`a data set with ${what} is refused when it is described`, () => {
    assert.match(thrown('job/invalid', make).message, message);
  });
}

test('a loss or metric may be a function of the job’s own; a metric is reported under the function’s name', () => {
  const loss = () => null;
  function topFive() {
    return null;
  }
  const job = defineJob({ ...good, loss, metrics: ['accuracy', topFive] });
  assert.equal(job.loss, loss);
  assert.deepEqual(job.metrics, [metrics.accuracy(), topFive]);
  assert.deepEqual(
    [lossName(losses.meanSquaredError()), lossName(topFive), lossName(loss)],
    ['meanSquaredError', 'a loss of its own (topFive)', 'a loss of its own'],
  );
});

test('losses have Keras’s options and defaults, and refuse others', () => {
  assert.deepEqual(losses.huber(), { kind: 'huber', delta: 1 });
  assert.deepEqual(losses.binaryFocalCrossentropy({ gamma: 1 }), {
    ...{ kind: 'binaryFocalCrossentropy', applyClassBalancing: false, alpha: 0.25, gamma: 1 },
    ...{ fromLogits: false, labelSmoothing: 0 },
  });
  const job = defineJob({ ...good, loss: losses.categoricalCrossentropy({ labelSmoothing: 0.1 }) });
  assert.deepEqual(job.loss, { kind: 'categoricalCrossentropy', fromLogits: false, labelSmoothing: 0.1 });
  const messageOf = (loss: unknown): string =>
    thrown('job/invalid', () => defineJob({ ...good, loss } as JobInput)).message;
  assert.match(messageOf({ kind: 'huber', dleta: 1 }), /loss huber has no option "dleta"; did you mean "delta"/);
  assert.match(messageOf({ kind: 'hinge', delta: 1 }), /loss hinge has no option "delta"; it takes none/);
  assert.match(messageOf({ kind: 'huber', delta: 0 }), /loss huber: delta must be a finite number above 0, got 0/);
  assert.match(messageOf({ kind: 'bce', labelSmoothing: 2 }), /labelSmoothing must be a number from 0 to 1, got 2/);
});
