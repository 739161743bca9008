import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Interrupts, launch, planLaunch } from '../../cli/launcher/index.ts';
import type { Network } from '../../cli/network/index.ts';
import { findPackageRoot } from '../../cli/setup/package-root.mjs';
import type { RunResult } from '../../coordinator/index.ts';
import { resolveOptions } from '../../shared/config/index.ts';
import { LockstepError, type Wire } from '../../shared/core/index.ts';
import type { StepReport } from '../../shared/run/index.ts';
import { rowsOf, type TrainingWorkload } from './training-workloads.ts';

export interface LockstepTraining {
  readonly workload: TrainingWorkload;
  /** Of the run: as many as the network has nodes. */
  readonly network: Network;
  /** Steps at the beginning that don't count. */
  readonly untimed: number;
  readonly steps: number;
  readonly interrupts: Interrupts;
  /** What gradients travel as; float32 when absent. */
  readonly wire?: Wire;
}

export interface TimedRun {
  /** Without the untimed ones. */
  readonly steps: TimedStep[];
  /** Bytes that each worker sent in a step, on average. */
  readonly bytesPerStep: number;
}

/** A timed step as rank 0 reported it. */
export interface TimedStep extends StepReport {
  /** From the report before to this one: the step and all that is between two steps. */
  readonly periodSeconds: number;
}

/**
 * One whole run, as `lockstep train` makes it: launcher, coordinator, workers of one thread.
 * @throws LockstepError why the run failed
 */
export async function trainLockstep(training: LockstepTraining): Promise<TimedRun> {
  const { workload, network, untimed, interrupts, wire } = training;
  const workers = network.nodes.length;
  const out = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  try {
    const flags = {
      ...{ workers: String(workers), batchSize: String(workers * rowsOf[workload]), out },
      // `auto` would measure the links, and those bytes count too.
      ...(wire === undefined ? {} : { wire, algorithm: 'direct' }),
      ...{ maxSteps: String(untimed + training.steps), logLevel: 'debug' },
      // Nodes in namespaces of one host would find its memory, which hosts on a network do not share.
      sharedMemory: network.hub.prefix.length === 0 ? 'auto' : 'off',
    };
    const options = resolveOptions('train', flags, {}, null);
    if (options instanceof LockstepError) throw options;
    const jobFile = join(findPackageRoot(), 'test', 'bench', 'jobs', `${workload}.ts`);
    const steps: TimedStep[] = [];
    let before = 0;
    const outcome = await launch(planLaunch({ mode: 'train', jobFile, options, checkpoint: null, gpus: [], network }), {
      interrupts,
      stdout: () => {},
      stderr: (line) => {
        const report = parseStep(line);
        if (report === null) return;
        const now = performance.now();
        if (report.step >= untimed) steps.push({ ...report, periodSeconds: (now - before) / 1e3 });
        before = now;
      },
      say: () => {},
    });
    if (outcome.failure !== null) throw outcome.failure;
    const result = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as RunResult;
    return { steps, bytesPerStep: result.bytesSent / workers / result.steps };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** The coordinator's log has a record of each committed step; other lines are null. */
export function parseStep(line: string): StepReport | null {
  if (!line.startsWith('{')) return null;
  const record = JSON.parse(line) as { msg?: string } & StepReport;
  return record.msg === 'step committed' ? record : null;
}
