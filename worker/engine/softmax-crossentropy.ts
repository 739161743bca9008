import type { NativeBackend, OpAttr } from './native-backend.ts';
import { tf } from './tf.ts';

/** Loss of each row and its gradient by the row's logits, [rows] and [rows, classes]. */
type Kernel = (logits: tf.Tensor, target: tf.Tensor) => [loss: tf.Tensor, gradient: tf.Tensor];

let dense: Kernel = (logits, target) => {
  const shifted = tf.sub(logits, tf.max(logits, -1, true));
  const sum = tf.sum(tf.exp(shifted), -1, true);
  const loss = tf.sum(tf.mul(target, tf.sub(tf.log(sum), shifted)), -1);
  return [loss, tf.sub(tf.div(tf.exp(shifted), sum), target)];
};

let sparse: Kernel = (logits, labels) => dense(logits, oneHot(labels, logits));

/** TensorFlow's own kernels, which compute loss and gradient in one. */
export function installNativeCrossentropy(backend: NativeBackend): void {
  const { TF_ATTR_TYPE, TF_FLOAT, TF_INT32 } = backend.binding;
  const type: OpAttr = { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT };
  const labels: OpAttr = { name: 'Tlabels', type: TF_ATTR_TYPE, value: TF_INT32 };
  const kernel =
    (op: string, attrs: readonly OpAttr[]): Kernel =>
    (logits, target) =>
      backend.executeMultipleOutputs(op, attrs, [logits, target], 2) as unknown as [tf.Tensor, tf.Tensor];
  dense = kernel('SoftmaxCrossEntropyWithLogits', [type]);
  sparse = kernel('SparseSoftmaxCrossEntropyWithLogits', [type, labels]);
}

/** −Σ y·log softmax(x) over the last axis; `target` and `logits` are [rows, …, classes], the result is [rows, …]. */
export function softmaxCrossentropy(target: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  const classes = logits.shape.at(-1) ?? 1;
  return byRows(dense, tf.reshape(target, [-1, classes]), logits);
}

/** −log softmax(x)[label]; `labels` are [rows, …] of int32, each below the number of classes. */
export function sparseSoftmaxCrossentropy(labels: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  return byRows(sparse, tf.reshape(labels, [-1]), logits);
}

/** −y·log σ(x) − (1 − y)·log(1 − σ(x)) of each value, as max(x, 0) − x·y + log(1 + e^−|x|), which never overflows. */
export function sigmoidCrossentropy(target: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  return withGradient(
    logits,
    (x) => {
      const tail = tf.log1p(tf.exp(tf.neg(tf.abs(x))));
      return [tf.add(tf.sub(tf.relu(x), tf.mul(x, target)), tail), tf.sub(tf.sigmoid(x), target)];
    },
    (dy, gradient) => tf.mul(dy, gradient),
  );
}

function byRows(kernel: Kernel, target: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  const classes = logits.shape.at(-1) ?? 1;
  const losses = withGradient(
    tf.reshape(logits, [-1, classes]),
    (x) => kernel(x, target),
    (dy, gradient) => tf.mul(tf.expandDims(dy, -1), gradient),
  );
  return tf.reshape(losses, logits.shape.slice(0, -1));
}

/** A function of `x` alone whose gradient comes with its value. */
function withGradient(
  x: tf.Tensor,
  run: (x: tf.Tensor) => [value: tf.Tensor, gradient: tf.Tensor],
  backward: (dy: tf.Tensor, gradient: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor, (tensors: tf.Tensor[]) => void];
    const [value, gradient] = run(input);
    save([gradient]);
    return {
      value,
      gradFunc: ((dy: tf.Tensor, saved: tf.Tensor[]) => backward(dy, saved[0] as tf.Tensor)) as (
        dy: tf.Tensor,
        saved: tf.Tensor[],
      ) => tf.Tensor,
    };
  });
  return op(x);
}

function oneHot(labels: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  return tf.cast(tf.oneHot(labels as tf.Tensor1D, logits.shape.at(-1) ?? 1), 'float32');
}
