import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Dataset, datasets } from '../../shared/job/index.ts';
import { Schedule } from '../../shared/sampling/index.ts';
import { cosineAndSine, naturalLog } from '../../worker/data/audio/exact-functions.ts';
import { BatchProducer } from '../../worker/data/batch-producer.ts';
import { openSource, type Source, type Visit } from '../../worker/data/index.ts';
import { rejected } from '../support/thrown.ts';

const [samples, height, width, channels] = [12, 6, 5, 2];
const length = height * width * channels;
const pictures = datasets.arrays({
  inputs: {
    values: Float32Array.from({ length: samples * length }, (_, index) => (index * 37) % 251),
    shape: [height, width, channels],
  },
  targets: { values: Array.from({ length: samples }, (_, index) => index), shape: [1] },
});

function open(dataset: Dataset): Promise<Source> {
  return openSource(dataset.describe(), { directory: undefined });
}

function read(source: Source, index: number, visit?: Visit): Float32Array {
  const image = new Float32Array((source.inputs[0]?.shape ?? []).reduce((product, size) => product * size, 1));
  source.read(index, [image], [new Float32Array(1)], visit);
  return image;
}

const changes: readonly (readonly [string, Dataset])[] = [
  ['randomFlip', pictures.randomFlip()],
  ['randomCrop', pictures.randomCrop(4, 3)],
  ['randomRotation', pictures.randomRotation(0.2)],
  ['randomTranslation', pictures.randomTranslation(0.3, 0.2, { fillMode: 'constant', fillValue: 9 })],
  ['randomContrast', pictures.randomContrast(0.5)],
];
for (const [what, dataset] of changes) {
  test(`${what} is a function of seed, epoch and sample, and does nothing random in evaluation`, async () => {
    const [source, other] = [await open(dataset), await open(dataset)];
    const visit = { seed: 3, epoch: 1 };
    const drawn = new Set<string>();
    for (let index = 0; index < samples; index++) {
      const image = read(source, index, visit);
      read(source, (index + 5) % samples, visit);
      assert.deepEqual(read(other, index, { ...visit }), image);
      drawn.add(String(image));
      drawn.add(String(read(source, index, { seed: 3, epoch: 2 })));
      assert.deepEqual(read(source, index), read(other, index));
    }
    assert.ok(drawn.size > samples * 1.5, `${drawn.size} different images`);
    if (what !== 'randomCrop') assert.deepEqual(read(source, 4), read(await open(pictures), 4));
  });
}

test('the same changes of one kind, one after the other, draw different numbers', async () => {
  const twice = await open(pictures.randomFlip('horizontal').randomFlip('horizontal'));
  const plain = await open(pictures);
  const changed = Array.from({ length: samples }, (_, index) => {
    return String(read(twice, index, { seed: 1, epoch: 0 })) !== String(read(plain, index));
  });
  assert.ok(changed.includes(true) && changed.includes(false));
});

test('a flip mirrors both ways with equal chance; a crop takes every place', async () => {
  const [source, plain] = [await open(pictures.randomFlip('horizontal')), await open(pictures)];
  const original = read(plain, 0);
  const mirrored = Float32Array.from(original, (_, index) => {
    const column = Math.floor(index / channels) % width;
    return original[index + (width - 1 - 2 * column) * channels] as number;
  });
  let flipped = 0;
  for (let epoch = 0; epoch < 400; epoch++) {
    const image = read(source, 0, { seed: 1, epoch });
    const isMirrored = String(image) === String(mirrored);
    assert.ok(isMirrored || String(image) === String(original));
    if (isMirrored) flipped++;
  }
  // Five standard deviations of 400 tosses are 50.
  assert.ok(Math.abs(flipped - 200) < 50, `${flipped} of 400`);
  const crops = await open(pictures.randomCrop(4, 3));
  const firsts = new Set(Array.from({ length: 300 }, (_, epoch) => read(crops, 0, { seed: 1, epoch })[0]));
  assert.equal(firsts.size, (height - 4 + 1) * (width - 3 + 1));
});

test('all frames of a clip are changed alike', async () => {
  const clips = datasets.arrays({
    inputs: { values: Float32Array.from({ length: 2 * 3 * 16 }, (_, index) => index % 16), shape: [3, 4, 4, 1] },
    targets: { values: [0, 1], shape: [1] },
  });
  const source = await open(clips.resize(5, 5).randomRotation(0.2).randomCrop(3, 3));
  assert.deepEqual(source.inputs[0]?.shape, [3, 3, 3, 1]);
  const clip = read(source, 1, { seed: 2, epoch: 0 });
  assert.deepEqual(clip.subarray(0, 9), clip.subarray(9, 18));
  assert.deepEqual(clip.subarray(0, 9), clip.subarray(18));
});

test('any placement of replicas gets the same augmented batches, epoch by epoch', async () => {
  const dataset = pictures.shuffle(3).randomRotation(0.1).randomFlip();
  const plan = { samples, globalBatchSize: 6, replicas: 3, seed: 9, shuffle: true };
  const batches = async (start: number, end: number): Promise<Map<string, string>> => {
    const producer = new BatchProducer(await open(dataset), 100);
    producer.start({ plan, replicas: { start, end }, firstStep: 0, endStep: 6, isTraining: true });
    const made = new Map<string, string>();
    for (let next = producer.next(); next !== undefined; next = producer.next()) {
      made.set(`${next.step} ${next.replica}`, String(next.batch.inputs[0]));
    }
    return made;
  };
  const whole = await batches(0, 3);
  assert.equal(whole.size, 18);
  for (const [start, end] of [
    [0, 1],
    [1, 3],
  ] as const) {
    for (const [key, values] of await batches(start, end)) assert.equal(values, whole.get(key));
  }
  assert.ok(new Schedule(plan).replicaBatch(0, 0).indices.length === 2);
});

test('what is no image, or too small for its crop, is refused', async () => {
  const flat = datasets.arrays({ inputs: { values: [1, 2], shape: [2] }, targets: { values: [0], shape: [1] } });
  assert.match((await rejected('data/shape', open(flat.randomFlip()))).message, /randomFlip needs float32 images/);
  assert.match(
    (await rejected('data/shape', open(pictures.randomCrop(9, 2)))).message,
    /9 × 2 does not fit in images of 6 × 5/,
  );
});

test('shuffle is a fixed permutation, split cuts it without loss, labels follow', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (size, share) => {
        const numbers = Array.from({ length: size }, (_, index) => index);
        const counting = datasets.arrays({
          inputs: { values: numbers, shape: [1] },
          targets: { values: numbers, shape: [1] },
        });
        const parts = await Promise.all(
          counting
            .shuffle(5)
            .split(share)
            .map((part) => open(part).catch(() => undefined)),
        );
        const contents = parts.flatMap((source) =>
          Array.from({ length: source?.size ?? 0 }, (_, index) => {
            assert.equal(source?.labels?.[index], read(source as Source, index)[0]);
            return read(source as Source, index)[0] as number;
          }),
        );
        assert.deepEqual(
          contents.toSorted((a, b) => a - b),
          numbers,
        );
        assert.equal(parts[0]?.size ?? 0, Math.floor(size * share));
        if (size > 20) assert.notDeepEqual(contents, numbers);
      },
    ),
    { numRuns: 40 },
  );
});

test('values that are not finite are refused with their sample and place', async () => {
  const broken = datasets.arrays({
    inputs: { values: [1, 2, 3, Number.NaN], shape: [2] },
    targets: { values: [0, 1], shape: [1] },
  });
  const producer = new BatchProducer(await open(broken), 4);
  producer.start({
    plan: { samples: 2, globalBatchSize: 2, replicas: 1, seed: 0, shuffle: false },
    replicas: { start: 0, end: 1 },
    firstStep: 0,
    endStep: 1,
  });
  const reading = (async () => producer.next())();
  assert.match(
    (await rejected('data/corrupt', reading)).message,
    /sample 1: value 1 of input 0 \(shape \[2\]\) is NaN; correct the sample/,
  );
});

test('own sine, cosine and logarithm are those of Math to the last bits', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 50, noNaN: true }), (turns) => {
      const [cosine, sine] = cosineAndSine(turns);
      const angle = (turns - Math.floor(turns)) * 2 * Math.PI;
      // The angle itself is rounded: 4 bits of 2π.
      assert.ok(Math.abs(cosine - Math.cos(angle)) < 2e-15 && Math.abs(sine - Math.sin(angle)) < 2e-15, `${turns}`);
    }),
  );
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), (value) => {
      const expected = Math.log(value);
      assert.ok(Math.abs(naturalLog(value) - expected) <= 4e-16 * Math.max(Math.abs(expected), 1), `${value}`);
    }),
  );
});
