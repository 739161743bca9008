import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../shared/core/index.ts';
import { resolveLossConfig, resolveMetricConfig } from '../../shared/job/index.ts';
import { type MetricValue, metricValue } from '../../shared/metrics/index.ts';
import { tf } from '../../worker/engine/index.ts';
import { type ResolvedLoss, sampleLoss } from '../../worker/engine/losses.ts';
import { planMetric } from '../../worker/engine/metrics/sample-metric.ts';
import { captureLogits } from '../../worker/engine/output-logits.ts';
import { proving } from './coverage-record.ts';
import { assertClose, goldens } from './keras-parity.ts';

/** A value is some dozen operations of one float32 rounding, 6e-8 relative, each. */
const ROUNDING = 1e-6;

interface TensorGolden {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly number[];
}

interface DataGolden {
  readonly true: TensorGolden;
  readonly pred: TensorGolden;
  readonly weights: readonly number[];
}

interface Evaluated {
  readonly value: number;
  readonly gradient: readonly number[];
}

interface FunctionGoldens {
  readonly data: Readonly<Record<string, DataGolden>>;
  readonly losses: readonly {
    readonly loss: Readonly<Record<string, unknown>>;
    readonly data: string;
    readonly plain: Evaluated;
    readonly weighted: Evaluated;
  }[];
  readonly activated: readonly {
    readonly activation: 'softmax' | 'sigmoid';
    readonly loss: Readonly<Record<string, unknown>>;
    readonly data: string;
    readonly plain: Evaluated;
  }[];
  readonly metrics: readonly {
    readonly metric: Readonly<Record<string, unknown>>;
    readonly data: string;
    readonly value: MetricValue;
    readonly weighted?: MetricValue;
  }[];
}

/** Losses with their gradients, and metrics, on the tensors of keras_functions.py. */
export function functionParity(label: string, skip: string | false): void {
  const { data, losses, activated, metrics } = goldens<FunctionGoldens>('losses-and-metrics');
  const pairOf = (set: string) => {
    const golden = data[set];
    assert.ok(golden !== undefined);
    const { weights } = golden;
    return { target: tensorOf(golden.true), prediction: tensorOf(golden.pred), weights: tf.tensor1d([...weights]) };
  };

  for (const { loss, data: set, plain, weighted } of losses) {
    test(`${label}: ${describe(loss)} on ${set} data is Keras’s, and so is its gradient`, { skip }, () =>
      proving([{ kind: 'losses', row: String(loss['kind']) }], 'keras', () =>
        tf.tidy(() => {
          const { target, prediction, weights } = pairOf(set);
          const run = sampleLoss(resolveLossConfig(loss) as ResolvedLoss);
          assert.deepEqual(run(target, prediction).shape, [prediction.shape[0]]);
          check((x) => tf.mean(run(target, x)), prediction, plain);
          check((x) => tf.mean(tf.mul(run(target, x), weights)), prediction, weighted);
        }),
      ),
    );
  }

  for (const { activation, loss, data: set, plain } of activated) {
    test(`${label}: ${describe(loss)} of a ${activation} output is that of its logits, as Keras’s`, { skip }, () => {
      tf.tidy(() => {
        const { target, prediction } = pairOf(set);
        const model = tf.sequential({ layers: [tf.layers.activation({ activation, inputShape: [5] })] });
        const run = sampleLoss(resolveLossConfig(loss) as ResolvedLoss);
        const whole = (x: tf.Tensor): tf.Tensor => {
          const { outputs, logits } = captureLogits(model, () => [model.call(x, {})].flat());
          assert.ok(logits[0] != null);
          return tf.mean(run(target, at(outputs, 0), null, logits[0]));
        };
        check(whole, prediction, plain);
      });
    });
  }

  for (const { metric, data: set, value, weighted } of metrics) {
    test(`${label}: ${describe(metric)} on ${set} data is Keras’s`, { skip }, () =>
      proving([{ kind: 'metrics', row: String(metric['kind']) }], 'keras', () =>
        tf.tidy(() => {
          const { target, prediction, weights } = pairOf(set);
          const config = resolveMetricConfig(metric);
          const shapes = { target: target.shape.slice(1), output: prediction.shape.slice(1) };
          const { run, width, classes } = planMetric(config, shapes);
          const columns = run(target, prediction);
          const [rows] = prediction.shape as [number];
          assert.deepEqual(columns.shape, [rows, width]);
          const definition = { name: config.name, config, width, classes, weighted: false };
          assertValue(metricValue(definition, sumsOf(columns), rows), value);
          if (weighted === undefined) return;
          const column = tf.expandDims(weights, 1);
          const sums = sumsOf(tf.concat([tf.mul(columns, column), column], 1));
          assertValue(metricValue({ ...definition, width: width + 1, weighted: true }, sums, rows), weighted);
        }),
      ),
    );
  }
}

function sumsOf(columns: tf.Tensor): number[] {
  return [...tf.sum(columns, 0).dataSync()];
}

function assertValue(actual: MetricValue, expected: MetricValue): void {
  const flat = (value: MetricValue): number[] => [value].flat(2) as number[];
  assert.equal(Array.isArray(actual), Array.isArray(expected));
  assertClose(flat(actual), flat(expected), ROUNDING, 'metric');
}

function check(loss: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor, { value, gradient }: Evaluated): void {
  const result = tf.valueAndGrad(loss)(x);
  assertClose(result.value.dataSync(), [value], ROUNDING, 'loss');
  assertClose(result.grad.dataSync(), gradient, ROUNDING, 'gradient');
}

function describe({ kind, ...options }: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(options);
  return text === '{}' ? String(kind) : `${kind} ${text}`;
}

function tensorOf({ values, shape, dtype }: TensorGolden): tf.Tensor {
  return tf.tensor([...values], [...shape], dtype as 'float32' | 'int32');
}
