import { describeFailure } from './failures.ts';
import {
  type Interrupts,
  type LaunchOutcome,
  launch,
  type PlanInput,
  planLaunch,
  usableGpus,
} from './launcher/index.ts';
import { probeGpus } from './setup/gpus.mjs';

type LocalRun = Omit<PlanInput, 'gpus'>;

/** Plans and launches a run on this machine, with its words on the terminal. @returns exit code */
export async function runLocally(run: LocalRun): Promise<number> {
  const outcome = await launch(planLaunch({ ...run, gpus: await gpusFor(run) }), {
    interrupts: terminalInterrupts,
    stdout: 'inherit',
    stderr: 'inherit',
    say: (line) => console.error(line),
    onMetrics: (name, address) => console.error(`lockstep: ${name}: metrics at http://${address}/metrics`),
  });
  reportFailure(outcome);
  return outcome.exitCode;
}

export async function gpusFor({ options }: LocalRun): Promise<string[]> {
  return options.engine === 'cpu' ? [] : usableGpus(process.env['CUDA_VISIBLE_DEVICES'], await probeGpus());
}

/** The exit report: the first failure, then how the others followed. */
export function reportFailure({ failure, wasTold, consequences }: LaunchOutcome): void {
  if (failure === null) return;
  if (failure.code === 'run/interrupted' && consequences.length === 0) {
    console.error('lockstep: interrupted');
    return;
  }
  if (!wasTold) console.error(describeFailure(failure));
  for (const line of consequences) console.error(`  then ${line}`);
}

/** Ctrl-C, and SIGTERM as init systems and Kubernetes send it. */
export const terminalInterrupts: Interrupts = (listener) => {
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener);
    process.off('SIGTERM', listener);
  };
};
