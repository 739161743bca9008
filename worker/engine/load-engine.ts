import { LockstepError } from '../../shared/core/index.ts';
import type { Precision } from '../../shared/job/index.ts';
import { CompiledTrainer } from './compiled/compiled-trainer.ts';
import { EagerTrainer } from './eager-trainer.ts';
import type { Engine, EngineInfo, EngineMemory, EngineName, Trainer, TrainerOptions } from './engine.ts';
import { installFrozenBatchNorm } from './frozen-batch-norm.ts';
import { installFusedLstm } from './fused-lstm.ts';
import { int64Scalar, loadNativeAddon, nativeBackend } from './native-addon.ts';
import { installNativeBatchNorm } from './native-batch-norm.ts';
import { installNativeGather, installNativeGradients } from './native-gradients.ts';
import { installNativeLayerNorm } from './native-layer-norm.ts';
import { installRandomLayers } from './random-layers.ts';
import { installNativeCrossentropy } from './softmax-crossentropy.ts';
import { tf } from './tf.ts';

export interface EngineOptions {
  /** Threads that one op may use; part of what decides the bits of a result. `cpu` always uses one. */
  readonly threads: number;
}

let loading: { readonly name: EngineName; readonly engine: Promise<Engine> } | undefined;

/**
 * Loads an engine: `tensorflow` is TensorFlow's C library by way of tfjs-node, `cpu` is tfjs's own JavaScript. A process
 * has one engine; asked again, it gives the same one.
 *
 * @throws LockstepError engine/unavailable
 */
export function loadEngine(name: EngineName, options: EngineOptions): Promise<Engine> {
  if (loading !== undefined && loading.name !== name) {
    const message = `this process runs the ${loading.name} engine; the ${name} engine needs a process of its own`;
    return Promise.reject(new LockstepError('engine/unavailable', message));
  }
  if (loading === undefined) {
    const engine = load(name, options.threads);
    loading = { name, engine };
    engine.catch(() => {
      loading = undefined;
    });
  }
  return loading.engine;
}

async function load(name: EngineName, threads: number): Promise<Engine> {
  // Switches off tfjs's advice to install tfjs-node and the like; errors are thrown as before.
  tf.env().set('PROD', true);
  if (name === 'tensorflow') {
    const { version, deviceClass } = loadNativeAddon(threads);
    await tf.setBackend('tensorflow');
    installNativeGradients(tf, nativeBackend());
    installNativeGather(tf, nativeBackend());
    installNativeLayerNorm(tf);
    installNativeBatchNorm(nativeBackend());
    // Around the one before: a frozen layer never trains.
    installFrozenBatchNorm();
    installNativeCrossentropy(nativeBackend());
    installRandomLayers(nativeBackend());
    installFusedLstm(tf, nativeBackend(), int64Scalar());
    return new TfjsEngine({ name, version, deviceClass, threads });
  }
  installFrozenBatchNorm();
  await tf.setBackend('cpu');
  return new TfjsEngine({ name, version: tf.version.tfjs, deviceClass: `cpu-${process.arch}`, threads: 1 });
}

class TfjsEngine implements Engine {
  readonly info: EngineInfo;

  constructor(info: EngineInfo) {
    this.info = info;
  }

  createTrainer(options: TrainerOptions): Promise<Trainer> {
    const compiles = options.compile && this.info.name === 'tensorflow';
    const { precision = 'float32' } = options;
    if (!compiles && precision !== 'float32') return Promise.reject(needsCompiledStep(precision, this.info.name));
    return compiles ? CompiledTrainer.create(options, nativeBackend()) : EagerTrainer.create(options);
  }

  memory(): EngineMemory {
    const { numTensors, numBytes } = tf.memory();
    return { tensors: numTensors, bytes: numBytes };
  }
}

function needsCompiledStep(precision: Precision, engine: EngineName): LockstepError {
  const remedy =
    engine === 'tensorflow'
      ? 'train without --eager (compile: false in the job), or with --precision float32'
      : 'train with --engine tensorflow, or with --precision float32';
  const message = `precision ${precision} needs the compiled step, which this run does without; ${remedy}`;
  return new LockstepError('engine/unsupported', message, { details: { precision, engine } });
}
