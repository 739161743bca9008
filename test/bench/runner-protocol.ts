import { createInterface } from 'node:readline';
import type { WorkloadName } from './workloads.ts';

/**
 * A runner is a program that trains in one library. It answers each line of its standard input by one line on its
 * standard output, both JSON, and ends when its input ends. The peers' scripts speak the same (peers/protocol.py).
 */
export type RunnerRequest =
  /** Builds a workload and warms it up; it stays loaded. */
  | { readonly command: 'load'; readonly workload: WorkloadName }
  /** Trains `untimed` steps and then `steps` timed ones. */
  | { readonly command: 'run'; readonly workload: WorkloadName; readonly untimed: number; readonly steps: number };

export type RunnerReply =
  | {
      readonly reply: 'loaded';
      readonly version: string;
      readonly note?: string;
      /** Building the model, compiling it where the library does that, and the first step. */
      readonly firstStepMilliseconds: number;
    }
  | { readonly reply: 'ran'; readonly milliseconds: readonly number[] }
  | { readonly reply: 'failed'; readonly reason: string };

/** One training step, as it is timed: forward, backward, update. */
export interface LoadedWorkload {
  step(): void | Promise<void>;
}

/** Answers requests until standard input ends. */
export async function serveRunner(version: string, load: (name: WorkloadName) => Promise<LoadedWorkload>) {
  const loaded = new Map<WorkloadName, LoadedWorkload>();
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(JSON.parse(line) as RunnerRequest).catch(
      (error: unknown): RunnerReply => ({ reply: 'failed', reason: String(error) }),
    );
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }

  async function answer(request: RunnerRequest): Promise<RunnerReply> {
    if (request.command === 'load') {
      const start = performance.now();
      const workload = await load(request.workload);
      loaded.set(request.workload, workload);
      await workload.step();
      const firstStepMilliseconds = performance.now() - start;
      for (let step = 1; step < 3; step++) await workload.step();
      return { reply: 'loaded', version, firstStepMilliseconds };
    }
    const workload = loaded.get(request.workload);
    if (workload === undefined) throw new Error(`${request.workload} is not loaded`);
    for (let step = 0; step < request.untimed; step++) await workload.step();
    const milliseconds: number[] = [];
    for (let step = 0; step < request.steps; step++) {
      const start = performance.now();
      await workload.step();
      milliseconds.push(performance.now() - start);
    }
    return { reply: 'ran', milliseconds };
  }
}
