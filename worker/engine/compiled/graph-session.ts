import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockstepError } from '../../../shared/core/index.ts';
import { encodeSavedModel, type GraphNode } from '../../graph/index.ts';
import type { NativeBinding, TensorMetadata } from '../native-backend.ts';

/** A tensor to feed: row-major values of a placeholder. */
export interface FeedValue {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** An int32 tensor's values, or those of any other. */
export type FetchedValue = Float32Array | Int32Array;

/** What one run is fed and what it fetches. */
export interface GraphRun {
  readonly feeds: readonly FeedValue[];
  readonly outputs: readonly string[];
}

/** A graph loaded in a TensorFlow session. Variables of the graph live as long as the session. */
export class GraphSession {
  /** Told of every run before it is made. */
  onRun: ((run: GraphRun) => void) | undefined;
  readonly #binding: NativeBinding;
  readonly #session: number;
  #closed = false;

  /** @throws LockstepError engine/failed with TensorFlow's reason */
  constructor(binding: NativeBinding, nodes: readonly GraphNode[]) {
    this.#binding = binding;
    // The addon loads graphs from a SavedModel's folder only; it is read whole before the call returns.
    const directory = mkdtempSync(join(tmpdir(), 'lockstep-graph-'));
    try {
      mkdirSync(join(directory, 'variables'));
      writeFileSync(join(directory, 'saved_model.pb'), encodeSavedModel(nodes));
      this.#session = binding.loadSavedModel(directory, 'serve,');
    } catch (error) {
      throw LockstepError.from(error, 'engine/failed', 'TensorFlow does not load the compiled step: ');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /**
   * Runs what the outputs depend on and copies them out, in order. Each is a float32 tensor named `node:output`.
   * @throws LockstepError engine/failed with TensorFlow's reason
   */
  run(feeds: readonly FeedValue[], outputs: readonly string[]): Float32Array[] {
    const inputs = this.upload(feeds);
    try {
      return inputs.run(outputs) as Float32Array[];
    } finally {
      inputs.release();
    }
  }

  /** Inputs on the device, for several runs, whose outputs may be int32 too; to be released. */
  upload(feeds: readonly FeedValue[]): { run(outputs: readonly string[]): FetchedValue[]; release(): void } {
    const { TF_FLOAT, TF_INT32 } = this.#binding;
    const inputs = feeds.map(({ shape, values }) =>
      this.#binding.createTensor(shape, values instanceof Int32Array ? TF_INT32 : TF_FLOAT, values),
    );
    const names = feeds.map(({ name }) => `${name}:0`).join(',');
    return {
      run: (outputs) => {
        this.onRun?.({ feeds, outputs });
        return this.#fetch(inputs, names, outputs);
      },
      release: () => {
        for (const id of inputs) this.#binding.deleteTensor(id);
      },
    };
  }

  /**
   * Feeds another session with outputs of this one, as they are in native memory, and runs its `target`.
   * @param feeds names of `to`'s placeholders, one for each output
   */
  pass(outputs: readonly string[], to: GraphSession, feeds: readonly string[], target: string): void {
    const made = this.#native([], '', outputs);
    try {
      const names = feeds.map((name) => `${name}:0`).join(',');
      to.#fetch(
        made.map(({ id }) => id),
        names,
        [target],
      );
    } finally {
      for (const { id } of made) this.#binding.deleteTensor(id);
    }
  }

  #fetch(inputs: readonly number[], names: string, outputs: readonly string[]): FetchedValue[] {
    const made = this.#native(inputs, names, outputs);
    try {
      return made.map(({ id }) => this.#binding.tensorDataSync(id) as FetchedValue);
    } finally {
      for (const { id } of made) this.#binding.deleteTensor(id);
    }
  }

  /** The outputs as native handles, to be deleted. */
  #native(inputs: readonly number[], names: string, outputs: readonly string[]): TensorMetadata[] {
    try {
      return this.#binding.runSavedModel(this.#session, inputs, names, outputs.join(','));
    } catch (error) {
      throw LockstepError.from(error, 'engine/failed', 'TensorFlow failed while running the compiled step: ');
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#binding.deleteSavedModel(this.#session);
  }
}
