import { type Phase, phases } from '../../shared/run/index.ts';
import type { TrainerMemory } from '../engine/index.ts';

const STEP = 0;
const PHASE = 1;
const INT_BYTES = 8;
const PHASE_STARTED_MS = 0;
const MODEL_BYTES = 1;
const VALUE_BYTES = 2;
const FLOAT_BYTES = 24;

/**
 * Shared memory of one writer (main thread) and one reader (link thread). Heartbeats go on with true phases while the
 * main thread is inside TensorFlow, where it could answer no message.
 */
export class ProgressBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;

  constructor(buffer = new SharedArrayBuffer(INT_BYTES + FLOAT_BYTES)) {
    this.buffer = buffer;
    this.#ints = new Int32Array(buffer, 0, INT_BYTES / 4);
    this.#floats = new Float64Array(buffer, INT_BYTES, FLOAT_BYTES / 8);
  }

  enter(phase: Phase, step: number): void {
    // performance.timeOrigin differs between threads; the wall clock doesn't.
    this.#floats[PHASE_STARTED_MS] = Date.now();
    Atomics.store(this.#ints, STEP, step);
    Atomics.store(this.#ints, PHASE, phases.indexOf(phase));
  }

  setMemory({ modelBytes, valueBytes }: TrainerMemory): void {
    this.#floats[MODEL_BYTES] = modelBytes;
    this.#floats[VALUE_BYTES] = valueBytes;
  }

  read(): { step: number; phase: Phase; phaseMs: number } & TrainerMemory {
    const phase = phases[Atomics.load(this.#ints, PHASE)] ?? 'starting';
    const started = this.#floats[PHASE_STARTED_MS] ?? 0;
    return {
      step: Atomics.load(this.#ints, STEP),
      phase,
      phaseMs: started === 0 ? 0 : Math.max(0, Date.now() - started),
      modelBytes: this.#floats[MODEL_BYTES] ?? 0,
      valueBytes: this.#floats[VALUE_BYTES] ?? 0,
    };
  }
}
