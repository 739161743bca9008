import { tf } from '../../worker/engine/index.ts';

type NativeFunction = (...args: unknown[]) => unknown;

/** Functions of TensorFlow's addon that make native handles, with how many they made. */
const makers: Readonly<Record<string, (result: unknown) => number>> = {
  createTensor: () => 1,
  executeOp: (result) => (result as unknown[]).length,
  runSavedModel: (result) => (result as unknown[]).length,
};

/** Counts the native tensor handles that are made and deleted from now on: tfjs itself counts only its own tensors. */
export function countNativeHandles(): () => number {
  const backend = tf.backend() as unknown as { binding: Record<string, unknown> };
  const native = backend.binding;
  let alive = 0;
  // The addon's properties are read-only on the native object, so the counting one is a copy.
  const counting: Record<string, unknown> = {};
  for (const name of Object.getOwnPropertyNames(native)) {
    const value = native[name];
    counting[name] = typeof value === 'function' ? value.bind(native) : value;
  }
  for (const [name, count] of Object.entries(makers)) {
    const original = counting[name] as NativeFunction;
    counting[name] = (...args: unknown[]) => {
      const result = original(...args);
      alive += count(result);
      return result;
    };
  }
  const deleteTensor = counting['deleteTensor'] as NativeFunction;
  counting['deleteTensor'] = (...args: unknown[]) => {
    alive--;
    return deleteTensor(...args);
  };
  backend.binding = counting;
  return () => alive;
}

/** TensorFlow sessions that are open. */
export function countNativeSessions(): number {
  const { binding } = tf.backend() as unknown as { binding: { getNumOfSavedModels(): number } };
  return binding.getNumOfSavedModels();
}
