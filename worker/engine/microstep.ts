import { captureLogits } from './output-logits.ts';
import { captureMasks } from './output-masks.ts';
import type { Bucket } from './plan-buckets.ts';
import type { OutputLoss, OutputMetric } from './plan-functions.ts';
import { withStepSeed } from './random-layers.ts';
import { takeGradients } from './take-gradients.ts';
import { tf } from './tf.ts';

/** A model with everything that its training step needs to know. */
export interface Network {
  readonly model: tf.LayersModel;
  /** In the model's order; gradients are taken for these. */
  readonly trainable: readonly tf.LayerVariable[];
  /** Weights that a forward pass changes (layer-tree.ts). */
  readonly statistics: readonly tf.LayerVariable[];
  readonly buckets: readonly Bucket[];
  /** Of the outputs that have one. */
  readonly losses: readonly OutputLoss[];
  readonly metrics: readonly OutputMetric[];
  /** Sums of all metrics. */
  readonly metricWidth: number;
  /** Whether an output carries a mask that a loss or metric of the job's own takes (output-masks.ts). */
  readonly masked: boolean;
  /** Whether a loss or metric goes back to the logits of an output (output-logits.ts). */
  readonly usesLogits: boolean;
}

/** One replica's samples on the device. */
export interface BatchTensors {
  /** One per model input, [rows, …]. */
  readonly inputs: readonly tf.Tensor[];
  /** One per model output, [rows, …]. */
  readonly targets: readonly tf.Tensor[];
  /** [rows] */
  readonly weights: tf.Tensor1D;
}

/** Numbers of a microstep, as tensors, so that a recorded step takes other ones. */
export interface MicrostepScale {
  /** Samples of the whole step, over all replicas. */
  readonly globalSamples: tf.Scalar;
  /** Samples of this replica. */
  readonly samples: tf.Scalar;
  /** `stepSeed`'s value, [2] of int32. */
  readonly seed: tf.Tensor;
}

export interface MicrostepTensors {
  /** One flat tensor per bucket. */
  readonly gradients: readonly tf.Tensor1D[];
  /** [loss sum, metric sums …, weighted changes of the statistic weights …], flat. */
  readonly statistics: tf.Tensor1D;
}

/**
 * Forward and backward pass of one replica, in tf ops alone: reads no tensor and branches on no value, so it can run
 * as it is or be recorded. Weights are as before when it returns.
 *
 * The differentiated loss is Σ wᵢ·lossᵢ / G + r·n / G for the replica's n of the step's G samples and a regularization
 * r: summed over replicas it is the mean loss plus r, also in a short step where some replica has no samples at all.
 * The reported loss sum is Σ wᵢ·lossᵢ + r·n, so that the sum over replicas divided by G is the loss that Keras
 * reports. Statistic weights count with the replica's share n / G, as changes, so that a weight which no layer
 * updates stays exactly as it is.
 */
export function microstep(network: Network, batch: BatchTensors, scale: MicrostepScale): MicrostepTensors {
  return tf.tidy(() => {
    const { model, trainable, statistics } = network;
    const share = tf.div(scale.samples, scale.globalSamples);
    const before = statistics.map((weight) => weight.read().clone());
    const kept: tf.Tensor[] = [];
    const keep = <T extends tf.Tensor>(tensor: T): T => {
      kept.push(tensor);
      return tf.keep(tensor);
    };
    try {
      let predictions: Predictions = { outputs: [], masks: [], logits: [] };
      let lossSum: tf.Tensor = scale.samples;
      const gradients = takeGradients(() => {
        predictions = withStepSeed(scale.seed, () => predict(network, batch.inputs, true));
        for (const tensor of Object.values(predictions).flat()) if (tensor !== null) keep(tensor);
        const weighted = tf.sum(tf.mul(sampleLoss(network, batch.targets, predictions), batch.weights));
        const penalty = regularization(model);
        if (penalty === null) {
          lossSum = keep(weighted);
          return tf.div(weighted, scale.globalSamples) as tf.Scalar;
        }
        lossSum = keep(tf.add(weighted, tf.mul(penalty, scale.samples)));
        return tf.add(tf.div(weighted, scale.globalSamples), tf.mul(penalty, share)) as tf.Scalar;
      }, trainable.map(variableOf));
      const metricSums = metricColumns(network, batch, predictions).map((columns) => tf.sum(columns, 0));
      const changes = statistics.map((weight, index) =>
        tf.mul(tf.sub(weight.read(), before[index] as tf.Tensor), share),
      );
      return {
        gradients: network.buckets.map(({ members }) =>
          concatFlat(members.map((member) => gradientOf(trainable[member] as tf.LayerVariable, gradients))),
        ),
        statistics: concatFlat([lossSum, ...metricSums, ...changes]),
      };
    } finally {
      for (const [index, weight] of statistics.entries()) variableOf(weight).assign(before[index] as tf.Tensor);
      tf.dispose(kept);
    }
  });
}

/** What each sample adds to the sums of loss and metrics, [rows, 1 + sums]; and the regularization, a scalar. */
export function evaluationStep(network: Network, batch: BatchTensors): { samples: tf.Tensor; penalty: tf.Tensor } {
  return tf.tidy(() => {
    const predictions = predict(network, batch.inputs, false);
    const losses = tf.mul(sampleLoss(network, batch.targets, predictions), batch.weights);
    const columns = [tf.expandDims(losses, 1), ...metricColumns(network, batch, predictions)];
    const samples = columns.length === 1 ? (columns[0] as tf.Tensor) : tf.concat(columns, 1);
    return { samples, penalty: regularization(network.model) ?? tf.scalar(0) };
  });
}

/** One tensor per model output, [rows, …]. */
export function forward(model: tf.LayersModel, inputs: readonly tf.Tensor[], training: boolean): tf.Tensor[] {
  const cast = inputs.map((input, index) => tf.cast(input, model.inputs[index]?.dtype ?? input.dtype));
  const outputs = model.call(cast, { training });
  return Array.isArray(outputs) ? outputs : [outputs];
}

export function variableOf(weight: tf.LayerVariable): tf.Variable {
  return weight.read() as tf.Variable;
}

/** One of each per model output; no masks and logits at all where none are needed. */
interface Predictions {
  readonly outputs: readonly tf.Tensor[];
  readonly masks: readonly (tf.Tensor | null)[];
  readonly logits: readonly (tf.Tensor | null)[];
}

function predict(network: Network, inputs: readonly tf.Tensor[], training: boolean): Predictions {
  const { model, masked, usesLogits } = network;
  const run = (): tf.Tensor[] => forward(model, inputs, training);
  let logits: Predictions['logits'] = [];
  const runForLogits = (): tf.Tensor[] => {
    const caught = captureLogits(model, run);
    logits = caught.logits;
    return caught.outputs;
  };
  const computed = usesLogits ? runForLogits : run;
  const { outputs, masks } = masked ? captureMasks(model, computed) : { outputs: computed(), masks: [] };
  return { outputs, masks, logits };
}

/** [rows]; the sum over outputs, as Keras adds them. */
function sampleLoss(network: Network, targets: readonly tf.Tensor[], predictions: Predictions): tf.Tensor {
  const losses = network.losses.map(({ output, weight, run }): tf.Tensor => {
    const loss = run(...operandsOf(output, targets, predictions));
    return weight === 1 ? loss : tf.mul(loss, weight);
  });
  return losses.reduce((sum, loss) => tf.add(sum, loss));
}

/** What each sample adds to each metric's sums, [rows, width]. */
function metricColumns(network: Network, { targets, weights }: BatchTensors, predictions: Predictions): tf.Tensor[] {
  const column = tf.expandDims(weights, 1);
  return network.metrics.map(({ output, run, weighting }) => {
    const values = run(...operandsOf(output, targets, predictions));
    if (weighting === 'none') return values;
    const weighted = tf.mul(values, column);
    return weighting === 'sum' ? weighted : tf.concat([weighted, column], 1);
  });
}

function operandsOf(output: number, targets: readonly tf.Tensor[], { outputs, masks, logits }: Predictions) {
  return [targets[output] as tf.Tensor, outputs[output] as tf.Tensor, masks[output], logits[output]] as const;
}

/** The sum of all regularizers, or null without any. */
function regularization(model: tf.LayersModel): tf.Tensor | null {
  const penalties: tf.Tensor[] = model.calculateLosses();
  return penalties.length === 0 ? null : penalties.reduce((sum, penalty) => tf.add(sum, penalty));
}

/** A weight that the loss doesn't depend on has no entry. */
function gradientOf(weight: tf.LayerVariable, gradients: Readonly<Record<string, tf.Tensor | undefined>>): tf.Tensor {
  return gradients[variableOf(weight).name] ?? tf.zerosLike(weight.read());
}

function concatFlat(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  const flat = tensors.map((tensor) => tf.reshape(tensor, [tensor.size]) as tf.Tensor1D);
  return flat.length === 1 ? (flat[0] as tf.Tensor1D) : tf.concat1d(flat);
}
