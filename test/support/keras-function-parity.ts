import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at } from '../../shared/core/index.ts';
import { type MetricName, resolveLossConfig } from '../../shared/job/index.ts';
import { tf } from '../../worker/engine/index.ts';
import { type ResolvedLoss, sampleLoss } from '../../worker/engine/losses.ts';
import { resolveAccuracy, sampleMetrics } from '../../worker/engine/metrics.ts';
import { captureLogits } from '../../worker/engine/output-logits.ts';
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
  readonly metrics: readonly { readonly metric: MetricName; readonly data: string; readonly value: number }[];
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
    test(`${label}: ${describe(loss)} on ${set} data is Keras’s, and so is its gradient`, { skip }, () => {
      tf.tidy(() => {
        const { target, prediction, weights } = pairOf(set);
        const run = sampleLoss(resolveLossConfig(loss) as ResolvedLoss);
        assert.deepEqual(run(target, prediction).shape, [prediction.shape[0]]);
        check((x) => tf.mean(run(target, x)), prediction, plain);
        check((x) => tf.mean(tf.mul(run(target, x), weights)), prediction, weighted);
      });
    });
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

  for (const { metric, data: set, value } of metrics) {
    test(`${label}: ${metric} on ${set} data is Keras’s`, { skip }, () => {
      tf.tidy(() => {
        const { target, prediction } = pairOf(set);
        const resolved = resolveAccuracy(metric, target.shape.slice(1), prediction.shape.slice(1));
        const samples = sampleMetrics[resolved](target, prediction);
        assert.deepEqual(samples.shape, [prediction.shape[0]]);
        assertClose(tf.mean(samples).dataSync(), [value], ROUNDING, 'metric');
      });
    });
  }
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
