/**
 * The one instance of TensorFlow.js in the process: engines, job files (by way of the public API) and tests share it.
 * Importing it loads no native code; `loadEngine` does.
 */
export * as tf from '@tensorflow/tfjs';
