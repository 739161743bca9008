import assert from 'node:assert/strict';
import { test } from 'node:test';
import { datasets } from '../../shared/job/index.ts';
import { openSource } from '../../worker/data/index.ts';

const classes = 10;
const pixels = 32 * 32 * 3;

interface Samples {
  readonly images: readonly Float32Array[];
  readonly labels: readonly number[];
}

async function load(first: number, samples: number): Promise<Samples> {
  const dataset = datasets.glyphs({ samples, first, seed: 1, height: 32 }).scale(1 / 127.5, -1);
  const source = await openSource(dataset.describe(), { directory: undefined });
  const images: Float32Array[] = [];
  const labels: number[] = [];
  for (let index = 0; index < samples; index++) {
    const image = new Float32Array(pixels);
    const label = new Float32Array(1);
    source.read(index, [image], [label]);
    images.push(image);
    labels.push(label[0] ?? 0);
  }
  return { images, labels };
}

/** [classes] scores of the linear model `weights` [classes][pixels + 1]. */
function scores(weights: readonly Float32Array[], image: Float32Array): number[] {
  return weights.map((row) => {
    let sum = row[pixels] ?? 0;
    for (let pixel = 0; pixel < pixels; pixel++) sum += (row[pixel] as number) * (image[pixel] as number);
    return sum;
  });
}

/** Softmax regression by stochastic gradient descent with a falling rate, sample by sample. */
function trainLinear({ images, labels }: Samples, epochs: number, rate: number): Float32Array[] {
  const weights = Array.from({ length: classes }, () => new Float32Array(pixels + 1));
  const total = epochs * images.length;
  for (let visit = 0; visit < total; visit++) {
    const image = images[visit % images.length] as Float32Array;
    const values = scores(weights, image);
    const largest = Math.max(...values);
    const exponentials = values.map((value) => Math.exp(value - largest));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    const currentRate = rate * (1 - visit / total);
    for (const [label, row] of weights.entries()) {
      const error = (exponentials[label] as number) / sum - (labels[visit % images.length] === label ? 1 : 0);
      const change = currentRate * error;
      for (let pixel = 0; pixel < pixels; pixel++) {
        row[pixel] = (row[pixel] as number) - change * (image[pixel] as number);
      }
      row[pixels] = (row[pixels] as number) - change;
    }
  }
  return weights;
}

function accuracy(weights: readonly Float32Array[], { images, labels }: Samples): number {
  const right = images.filter((image, index) => {
    const values = scores(weights, image);
    return values.indexOf(Math.max(...values)) === labels[index];
  });
  return right.length / images.length;
}

test('a linear model on the pixels of glyphs stays under 60 % on unseen samples', async (t) => {
  const train = await load(0, 4000);
  const unseen = await load(1_000_000, 1000);
  for (const rate of [3e-4, 3e-3]) {
    const weights = trainLinear(train, 5, rate);
    const [seen, reached] = [accuracy(weights, train), accuracy(weights, unseen)];
    t.diagnostic(
      `rate ${rate}: ${(100 * seen).toFixed(1)} % on its training samples, ${(100 * reached).toFixed(1)} % on unseen`,
    );
    // It did learn: chance is 10 % with a deviation of half a percent.
    assert.ok(seen > 0.15, `${seen} on the training samples`);
    assert.ok(reached < 0.6, `${reached} on unseen samples`);
  }
});
