import { deserialize, serialize } from 'node:v8';
import { LockstepError } from '../../shared/core/index.ts';
import { tf } from '../engine/index.ts';

/** How a tensor travels among plain values. */
class TensorRecord {
  readonly lockstepTensor = true;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;

  constructor(tensor: tf.Tensor) {
    this.dtype = tensor.dtype;
    this.shape = tensor.shape;
    this.values = tensor.dataSync();
  }
}

/** @throws LockstepError job/invalid for what cannot travel, such as a function */
export function encodeValue(value: unknown): Uint8Array {
  const plain = Array.isArray(value) ? value.map(toRecord) : toRecord(value);
  try {
    return serialize(plain);
  } catch (cause) {
    throw new LockstepError('job/invalid', `a value cannot be sent to other workers: ${(cause as Error).message}`, {
      cause,
    });
  }
}

export function decodeValue(bytes: Uint8Array): unknown {
  const plain: unknown = deserialize(bytes);
  return Array.isArray(plain) ? plain.map(fromRecord) : fromRecord(plain);
}

function toRecord(value: unknown): unknown {
  return value instanceof tf.Tensor ? { ...new TensorRecord(value) } : value;
}

function fromRecord(value: unknown): unknown {
  const record = value as TensorRecord | null;
  if (typeof record !== 'object' || record?.lockstepTensor !== true) return value;
  return tf.tensor(record.values as never, [...record.shape], record.dtype as 'float32');
}
