import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import util from 'node:util';
import { LockstepError } from '../../shared/core/index.ts';
import type { NativeBackend, TensorLike } from './native-backend.ts';
import { tf } from './tf.ts';

/** Deprecated with a warning in Node 22 and gone since 23, in part; tfjs-node 4.22.0 still calls them. */
const retiredFromUtil = {
  isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined,
  isArray: (value: unknown): boolean => Array.isArray(value),
};

/**
 * Loads TensorFlow's C library and registers it as tfjs's backend `tensorflow`, once per process.
 *
 * @param threads threads that one op, and one graph, may use. TensorFlow reads them from the environment as it loads.
 * @throws LockstepError engine/unavailable
 */
export function loadNativeAddon(threads: number): { version: string; deviceClass: string } {
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_NUM_INTEROP_THREADS = String(threads);
  // Without it TensorFlow takes a GPU's whole memory, and a second process on that GPU fails.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  for (const [name, replacement] of Object.entries(retiredFromUtil)) {
    Object.defineProperty(util, name, { value: replacement, configurable: true });
  }
  try {
    const addon = createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu') as { backend(): unknown };
    const backend = addon.backend() as NativeBackend;
    return {
      version: backend.binding.TF_Version,
      deviceClass: backend.isUsingGpuDevice ? `cuda-${gpuName()}` : `cpu-${process.arch}`,
    };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
    throw new LockstepError(
      'engine/unavailable',
      `the tensorflow engine cannot be loaded: ${reason} ` +
        'Run "npm run setup" to build it, or use "--engine cpu" (slow, without native code).',
      { cause: error },
    );
  }
}

/** tfjs's TensorFlow backend, once loaded. */
export function nativeBackend(): NativeBackend {
  return tf.backend() as unknown as NativeBackend;
}

/** tfjs-node's class of int64 scalars, which tfjs itself has no type for. */
export function int64Scalar(): new (value: number) => TensorLike {
  const module = createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu/dist/int64_tensors') as {
    Int64Scalar: new (value: number) => TensorLike;
  };
  return module.Int64Scalar;
}

/** The model of the GPU that tfjs-node takes, which is the last visible one; `unknown` where the driver's tool is missing. */
function gpuName(): string {
  const visible = process.env.CUDA_VISIBLE_DEVICES?.split(',').at(-1)?.trim();
  const selection = visible === undefined || visible === '' ? [] : [`--id=${visible}`];
  try {
    const names = execFileSync('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader', ...selection], {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return names.trim().split('\n').at(-1)?.trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
