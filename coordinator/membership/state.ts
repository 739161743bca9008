import { invariant, LockstepError } from '../../shared/core/index.ts';
import type { Active, MembershipConfig, RunState, Stage, Transition, WorkerRecord } from './model.ts';

/** @throws LockstepError config/invalid when some worker would have no replica */
export function createRunState(config: MembershipConfig, now: number): RunState {
  const { workers, replicas } = config.settings;
  if (workers < 1 || replicas < workers) {
    throw new LockstepError(
      'config/invalid',
      `${replicas} replicas cannot be spread over ${workers} workers, each needs at least one; ` +
        `use --replicas ${Math.max(workers, 1)} or more, or fewer workers`,
    );
  }
  const stage = { kind: 'gathering', departed: [] } as const;
  return { config, startedMs: now, lastTickMs: now, workers: new Map(), losses: new Map(), stage };
}

/** Whether the run goes on without a worker that is lost: the state of a program's own loop nobody else has. */
export function isElastic({ config, stage }: Pick<RunState, 'config' | 'stage'>): boolean {
  return config.settings.mode !== 'loop' && activeOf(stage)?.facts.irreplaceable !== true;
}

/** Workers of the generation in progress that are still connected. */
export function survivors(state: RunState): WorkerRecord[] {
  const members = activeOf(state.stage)?.members ?? [];
  return members.flatMap(({ link }) => state.workers.get(link) ?? []).filter(({ open }) => open);
}

/** The generation in progress, in the stages that have one. */
export function activeOf(stage: Stage): Active | undefined {
  return 'active' in stage ? stage.active : undefined;
}

export function isOver(stage: Stage): stage is Extract<Stage, { kind: 'finished' | 'failed' }> {
  return stage.kind === 'finished' || stage.kind === 'failed';
}

export function openLinks(state: RunState): number[] {
  return [...state.workers.values()].filter((worker) => worker.open).map((worker) => worker.link);
}

export function withWorker(state: RunState, worker: WorkerRecord): RunState {
  return { ...state, workers: new Map(state.workers).set(worker.link, worker) };
}

export function withoutWorker(state: RunState, link: number): RunState {
  const workers = new Map(state.workers);
  workers.delete(link);
  return { ...state, workers };
}

export function withActive(state: RunState, active: Active): RunState {
  const { stage } = state;
  invariant('active' in stage, 'only a stage with a generation makes progress');
  return { ...state, stage: { ...stage, active } };
}

/** Nothing to do but remember. */
export function keep(state: RunState, reason: string): Transition {
  return { state, actions: [], reason };
}
