import { LockstepError } from '../../shared/core/index.ts';
import type { OwnSampleFunction } from '../../shared/job/index.ts';
import { meanPerSample, type SampleLoss } from './losses.ts';
import { inOwnScope, ownScope, placeText } from './own-scope.ts';
import { tf } from './tf.ts';

/**
 * A loss or metric of the user's own: one value per sample, [batch], or [batch, …], whose mean over all but the first
 * dimension is taken. As with Keras, `yTrue` comes in float32, and where it and `yPred` differ by a last dimension of
 * size 1, that is added or taken away. `mask` is that of the model's output, [batch, time] of bool, or null.
 *
 * It may use tf ops alone, and a sample's value must depend on that sample alone.
 */
export type OwnFunction = (yTrue: tf.Tensor, yPred: tf.Tensor, mask: tf.Tensor | null) => tf.Tensor;

/** What a sample's loss is computed from. */
export type OwnOperands = readonly [target: tf.Tensor, prediction: tf.Tensor, mask: tf.Tensor | null];

export function ownLoss(fn: OwnSampleFunction): SampleLoss {
  return ownFunction(fn, ownScope.loss);
}

export function ownMetric(fn: OwnSampleFunction): SampleLoss {
  return ownFunction(fn, ownScope.metric(fn.name));
}

function ownFunction(fn: OwnSampleFunction, scope: string): SampleLoss {
  return (target, prediction, mask = null) =>
    inOwnScope(scope, () => {
      const rows = prediction.shape[0] ?? 0;
      const [yTrue, yPred] = withSameRank(tf.cast(target, 'float32'), prediction);
      const values: unknown = (fn as unknown as OwnFunction)(yTrue, yPred, mask);
      if (!(values instanceof tf.Tensor)) throw notATensor(placeText(scope), values);
      if (values.shape[0] !== rows || rows === 0) throw notPerSample(placeText(scope), values.shape, rows);
      if (values.dtype === 'float32') return meanPerSample(values);
      if (scope !== ownScope.loss) return meanPerSample(tf.cast(values, 'float32'));
      throw new LockstepError(
        'job/invalid',
        `${placeText(scope)} gives values of type ${values.dtype}, which have no gradient; give float32`,
      );
    });
}

/**
 * Tries a function of the job's own before training starts.
 *
 * @param batches zeros of different row counts: what gives a value per sample follows them
 * @throws LockstepError job/invalid for what is not a value per sample, job/threw
 */
export function checkOwnFunction(
  fn: (...operands: OwnOperands) => tf.Tensor,
  scope: string,
  batches: readonly OwnOperands[],
): void {
  for (const operands of batches) {
    try {
      tf.dispose(fn(...operands));
    } catch (error) {
      throw LockstepError.from(error, 'job/threw', `${placeText(scope)} threw: `);
    }
  }
}

/** keras/src/losses/loss.py, squeeze_or_expand_to_same_rank. */
function withSameRank(a: tf.Tensor, b: tf.Tensor): readonly [tf.Tensor, tf.Tensor] {
  if (a.rank === b.rank + 1 && a.shape.at(-1) === 1) {
    return b.rank === 1 ? [a, tf.expandDims(b, -1)] : [tf.squeeze(a, [-1]), b];
  }
  if (b.rank === a.rank + 1 && b.shape.at(-1) === 1) {
    return a.rank === 1 ? [tf.expandDims(a, -1), b] : [a, tf.squeeze(b, [-1])];
  }
  return [a, b];
}

function notATensor(what: string, values: unknown): LockstepError {
  if (values instanceof Promise) {
    values.catch(() => {});
    return new LockstepError(
      'job/invalid',
      `${what} is asynchronous: it returned a promise, but a step waits for no value on its way; compute with tf ops ` +
        'alone (tf.where for a branch) and return the tensor',
    );
  }
  const got = values === null ? 'null' : typeof values;
  const foreign = got === 'object' ? ' that is no tensor of the `tf` that lockstep exports' : '';
  return new LockstepError('job/invalid', `${what} must return a tensor of shape [batch, …], got ${got}${foreign}`);
}

function notPerSample(what: string, shape: readonly number[], rows: number): LockstepError {
  const got = shape.length === 0 ? 'one number for the whole batch' : `shape [${shape.join(', ')}]`;
  return new LockstepError(
    'job/invalid',
    `${what} gave ${got} for a batch of ${rows} samples, but it must give a value for each sample, [batch] or ` +
      '[batch, …]: Lockstep weighs samples, so that the padding of a short batch never counts, and takes the mean over ' +
      'the real samples of all replicas itself. Reduce over the last axes only (tf.mean(x, -1)), or leave the mean away',
    { details: { shape: [...shape], rows } },
  );
}
