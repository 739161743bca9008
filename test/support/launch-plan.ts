import { type LaunchPlan, planLaunch } from '../../cli/launcher/index.ts';
import { resolveOptions } from '../../shared/config/index.ts';
import { LockstepError } from '../../shared/core/index.ts';

/** A plan with short waits, for children that only pretend. */
export function planForTest(workers: number): LaunchPlan {
  const options = resolveOptions('train', { workers: String(workers) }, {}, null);
  if (options instanceof LockstepError) throw options;
  const plan = planLaunch({ mode: 'train', jobFile: 'job.ts', options, checkpoint: null, gpus: [] });
  return { ...plan, restarts: false, limits: { afterWorkerMs: 300, afterCoordinatorMs: 200, terminateMs: 200 } };
}
