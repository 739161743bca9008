import type { RunResult } from '../coordinator/index.ts';
import { LockstepError } from '../shared/core/index.ts';
import { type Interrupts, type LaunchOutcome, launch, type PlanInput, planLaunch } from './launcher/index.ts';
import { gpusFor } from './run-locally.ts';

export interface CapturedRun {
  readonly outcome: LaunchOutcome;
  /** What the coordinator printed as its last line, or `null` if the run failed. */
  readonly result: RunResult | null;
}

export interface CaptureOptions {
  readonly interrupts: Interrupts;
  /** Progress and log lines: the terminal's, or nowhere. */
  readonly progress: 'inherit' | 'none';
  readonly onMetrics?: (name: string, address: string) => void;
}

/** Runs on this machine as `lockstep train` does, and takes the result instead of printing it. */
export async function runCaptured(run: Omit<PlanInput, 'gpus'>, options: CaptureOptions): Promise<CapturedRun> {
  const plan = planLaunch({ ...run, options: { ...run.options, json: true }, gpus: await gpusFor(run) });
  let lastLine = '';
  const { interrupts, onMetrics } = options;
  const isQuiet = options.progress === 'none';
  const outcome = await launch(plan, {
    interrupts,
    stdout: (line) => {
      if (line.trim() !== '') lastLine = line;
    },
    stderr: isQuiet ? () => {} : 'inherit',
    say: isQuiet ? () => {} : (line) => console.error(line),
    ...(onMetrics === undefined ? {} : { onMetrics }),
  });
  return { outcome, result: parseResult(lastLine, outcome) };
}

/** @throws LockstepError run/coordinator-lost when a run that did not fail told no result */
function parseResult(line: string, { failure }: LaunchOutcome): RunResult | null {
  try {
    return JSON.parse(line) as RunResult;
  } catch (cause) {
    if (failure !== null) return null;
    const problem = `the coordinator ended without a result; its last line: ${line}`;
    throw new LockstepError('run/coordinator-lost', problem, { cause });
  }
}
