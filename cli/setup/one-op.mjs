/**
 * Loads the TensorFlow engine in a process of its own and trains one weight by one step; prints what it found as JSON.
 * A broken engine can end the process without an exception (a missing CPU instruction, say): hence the own process.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import util from 'node:util';
import { findPackageRoot } from './package-root.mjs';

/** @param {string} packageRoot */
export async function trainOneOp(packageRoot) {
  // Removed in Node 23; tfjs-node 4.22.0 still calls it.
  Object.assign(util, { isNullOrUndefined: (/** @type {unknown} */ value) => value === null || value === undefined });
  const tf = createRequire(join(packageRoot, 'package.json'))('@tensorflow/tfjs-node-gpu');
  await tf.ready();
  const weight = tf.scalar(2).variable();
  const started = process.hrtime.bigint();
  tf.train.sgd(0.25).minimize(() => weight.square(), false, [weight]); // 2 − 0.25 · 2·2 = 1
  const [value] = weight.dataSync();
  const milliseconds = Number(process.hrtime.bigint() - started) / 1e6;
  if (value !== 1) throw new Error(`one step of SGD on w² from w = 2 gave ${value} instead of 1`);
  const { binding, isUsingGpuDevice } = tf.backend();
  return { tensorflow: String(binding.TF_Version), gpu: Boolean(isUsingGpuDevice), milliseconds };
}

if (process.argv[2] === '--run') {
  console.log(JSON.stringify(await trainOneOp(findPackageRoot())));
}
