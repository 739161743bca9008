import { assertNever } from '../../shared/core/index.ts';

/** How long others may take to end by themselves, and how long after SIGTERM until SIGKILL. Milliseconds. */
export interface LaunchLimits {
  /** After a worker's end: the coordinator has to notice (heartbeat timeout) and to tell the others. */
  readonly afterWorkerMs: number;
  /** After the coordinator's end nobody has anything left to wait for. */
  readonly afterCoordinatorMs: number;
  readonly terminateMs: number;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Milliseconds on the launcher's clock. */
  readonly at: number;
}

export interface ChildState {
  readonly name: string;
  readonly exit: ChildExit | null;
  /** On the launcher's clock. */
  readonly startedAt: number;
  /** How often it was started again after short lives. */
  readonly restarts: number;
  /** When it is started again; null when it runs, or stays as it is. */
  readonly restartAt: number | null;
}

/** Exit code of a run that ended early with a checkpoint of its last step. */
const RESUMABLE = 3;

/** Name of the one child that is not a worker. */
export const coordinatorName = 'coordinator';

export type LaunchPhase =
  /** The coordinator does not listen yet and the workers wait for its address. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'running' }
  /** Somebody has ended and the others should follow by themselves. */
  | { readonly kind: 'ending'; readonly deadline: number }
  /** The others were sent SIGTERM. */
  | { readonly kind: 'terminating'; readonly deadline: number }
  /** The others were sent SIGKILL, which also ends a stopped process. */
  | { readonly kind: 'killing' }
  | { readonly kind: 'ended'; readonly exitCode: number };

export interface LaunchState {
  readonly children: readonly ChildState[];
  readonly phase: LaunchPhase;
  /** The child whose failure came first: what the exit report leads with. */
  readonly firstFailure: string | null;
  readonly interrupts: number;
  readonly limits: LaunchLimits;
  /** Whether the run goes on without a worker that dies, which is then started again. */
  readonly restarts: boolean;
}

export type LaunchEvent =
  | { readonly kind: 'listening' }
  | { readonly kind: 'exited'; readonly name: string; readonly code: number | null; readonly signal: string | null }
  /** The user asked for the end: SIGINT or SIGTERM to the launcher. */
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'alarm' }
  | { readonly kind: 'restart-due'; readonly name: string };

export type LaunchAction =
  | { readonly kind: 'start-workers' }
  /** A new process in place of one that died. */
  | { readonly kind: 'restart'; readonly name: string }
  /** Send a restart-due event for `name` after this time. */
  | { readonly kind: 'restart-alarm'; readonly name: string; readonly afterMs: number }
  | { readonly kind: 'signal'; readonly name: string; readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL' }
  /** Send an alarm event after this time; replaces an earlier one. */
  | { readonly kind: 'alarm'; readonly afterMs: number }
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'finish'; readonly exitCode: number };

export interface LaunchDecision {
  readonly state: LaunchState;
  readonly actions: readonly LaunchAction[];
}

export function initialLaunchState(names: readonly string[], limits: LaunchLimits, restarts = false): LaunchState {
  const children = names.map((name) => ({ name, exit: null, startedAt: 0, restarts: 0, restartAt: null }));
  return { children, phase: { kind: 'starting' }, firstFailure: null, interrupts: 0, limits, restarts };
}

/** What the launcher does about an event. Every phase but `starting` and `running` has a deadline or needs none. */
export function decide(state: LaunchState, event: LaunchEvent, now: number): LaunchDecision {
  if (state.phase.kind === 'ended') return { state, actions: [] };
  switch (event.kind) {
    case 'listening':
      if (state.phase.kind !== 'starting') return { state, actions: [] };
      return { state: { ...state, phase: { kind: 'running' } }, actions: [{ kind: 'start-workers' }] };
    case 'exited':
      return onExit(state, event, now);
    case 'interrupted':
      return onInterrupt(state, now);
    case 'alarm':
      return onAlarm(state, now);
    case 'restart-due':
      return onRestartDue(state, event.name, now);
    default:
      return assertNever(event);
  }
}

function onExit(before: LaunchState, event: Extract<LaunchEvent, { kind: 'exited' }>, now: number): LaunchDecision {
  if (isReplaced(before, event)) return replace(before, event, now);
  const exit = { code: event.code, signal: event.signal, at: now };
  const children = before.children.map((child) => (child.name === event.name ? { ...child, exit } : child));
  const failed = isFailure(before, event);
  const firstFailure = before.firstFailure ?? (failed ? event.name : null);
  const state = { ...before, children, firstFailure };
  if (children.every((child) => child.exit !== null)) {
    const ended = { ...state, firstFailure: finalFailure(state) };
    const exitCode = exitCodeOf(ended);
    return { state: { ...ended, phase: { kind: 'ended', exitCode } }, actions: [{ kind: 'finish', exitCode }] };
  }
  // The first death by a signal is told at once: whatever the others print about it comes later.
  const isNews = failed && before.firstFailure === null && event.signal !== null;
  const say: LaunchAction[] = isNews
    ? [{ kind: 'say', text: `${event.name} was killed by ${event.signal}; the others end` }]
    : [];
  const { phase } = state;
  if (phase.kind === 'terminating' || phase.kind === 'killing') return { state, actions: say };
  const isCoordinator = event.name === coordinatorName;
  if (isCoordinator && phase.kind === 'starting') return withActions(terminate(state, now), say);
  const workersAreGone = children.every((child) => child.name === coordinatorName || child.exit !== null);
  if (!failed && !isCoordinator && !workersAreGone) return { state, actions: say };
  // Without any worker the coordinator has nothing left to notice.
  const wait = isCoordinator || workersAreGone ? state.limits.afterCoordinatorMs : state.limits.afterWorkerMs;
  const deadline = phase.kind === 'ending' ? Math.min(phase.deadline, now + wait) : now + wait;
  return {
    state: { ...state, phase: { kind: 'ending', deadline } },
    actions: [...say, { kind: 'alarm', afterMs: deadline - now }],
  };
}

/** A life as long as this makes up for the deaths before. */
const LONG_LIFE_MS = 60_000;
const FIRST_RESTART_MS = 250;
const LONGEST_RESTART_MS = 30_000;
/** Exit code of a worker that was put out of a run which goes on. */
const EVICTED = 75;

/** The run goes on without a worker that was killed, crashed or put out; one that gives a reason for its end ends the run. */
function isReplaced(state: LaunchState, { name, code, signal }: Extract<LaunchEvent, { kind: 'exited' }>): boolean {
  if (!state.restarts || state.phase.kind !== 'running' || state.interrupts > 0) return false;
  return signal !== null || (name !== coordinatorName && code === EVICTED);
}

function replace(state: LaunchState, event: Extract<LaunchEvent, { kind: 'exited' }>, now: number): LaunchDecision {
  const { name, code, signal } = event;
  const child = state.children.find((candidate) => candidate.name === name);
  const restarts = child === undefined || now - child.startedAt >= LONG_LIFE_MS ? 1 : child.restarts + 1;
  const afterMs = Math.min(LONGEST_RESTART_MS, FIRST_RESTART_MS * 2 ** (restarts - 1));
  const exit = { code, signal, at: now };
  const others = name === coordinatorName ? 'the workers train on' : 'the others go on';
  const how = signal === null ? 'was put out of the run' : `was killed by ${signal}`;
  const next = withChild(state, name, { exit, restarts, restartAt: now + afterMs });
  return {
    state: next,
    actions: [
      { kind: 'say', text: `${name} ${how}; ${others}, and it is started again in ${afterMs / 1000} s` },
      { kind: 'restart-alarm', name, afterMs },
    ],
  };
}

function onRestartDue(state: LaunchState, name: string, now: number): LaunchDecision {
  const child = state.children.find((candidate) => candidate.name === name);
  if (state.phase.kind !== 'running' || child?.restartAt == null) return { state, actions: [] };
  const next = withChild(state, name, { exit: null, startedAt: now, restartAt: null });
  return { state: next, actions: [{ kind: 'restart', name }] };
}

function withChild(state: LaunchState, name: string, change: Partial<ChildState>): LaunchState {
  return {
    ...state,
    children: state.children.map((child) => (child.name === name ? { ...child, ...change } : child)),
  };
}

/**
 * Only the coordinator knows whether the run is complete: without its exit code 0 a worker that ended well ended too
 * early, and did so before those that failed after it.
 */
function finalFailure(state: LaunchState): string | null {
  const { children, firstFailure } = state;
  const coordinator = children.find(({ name }) => name === coordinatorName);
  const code = coordinator?.exit?.code ?? null;
  if (code === 0 || wasInterrupted(state)) return firstFailure;
  // One that was killed by others than the launcher failed itself, however many workers were done by then.
  if (firstFailure === coordinatorName && coordinator?.exit?.signal != null) return firstFailure;
  const failedAt = children.find(({ name }) => name === firstFailure)?.exit?.at ?? Number.POSITIVE_INFINITY;
  const early = children
    .filter(
      ({ name, exit }) =>
        name !== coordinatorName && (exit?.code === 0 || exit?.code === RESUMABLE) && exit.at <= failedAt,
    )
    .sort((a, b) => (a.exit?.at ?? 0) - (b.exit?.at ?? 0))[0];
  return early?.name ?? firstFailure ?? coordinatorName;
}

/** What the launcher or the user ended is no failure. */
function isFailure(state: LaunchState, { code, signal }: { code: number | null; signal: string | null }): boolean {
  if (code === 0) return false;
  if (state.phase.kind === 'terminating' || state.phase.kind === 'killing') return false;
  return code !== 130 && code !== RESUMABLE && !(state.interrupts > 0 && (signal === 'SIGINT' || signal === 'SIGTERM'));
}

function onInterrupt(before: LaunchState, now: number): LaunchDecision {
  const state = { ...before, interrupts: before.interrupts + 1 };
  const coordinator = running(state).find(({ name }) => name === coordinatorName);
  if (state.interrupts === 1 && state.phase.kind === 'running' && coordinator !== undefined) {
    // The coordinator drains the run and says so. No deadline: a step takes as long as it takes.
    return { state, actions: [{ kind: 'signal', name: coordinatorName, signal: 'SIGINT' }] };
  }
  return state.phase.kind === 'terminating' ? kill(state) : terminate(state, now);
}

function onAlarm(state: LaunchState, now: number): LaunchDecision {
  const { phase } = state;
  if (phase.kind !== 'ending' && phase.kind !== 'terminating') return { state, actions: [] };
  if (now < phase.deadline) return { state, actions: [{ kind: 'alarm', afterMs: phase.deadline - now }] };
  if (phase.kind === 'terminating') return kill(state);
  const names = running(state).map(({ name }) => name);
  return withActions(terminate(state, now), [
    { kind: 'say', text: `${names.join(', ')} did not end in time: terminating` },
  ]);
}

function terminate(state: LaunchState, now: number): LaunchDecision {
  const { terminateMs } = state.limits;
  const signals = running(state).map(({ name }) => ({ kind: 'signal', name, signal: 'SIGTERM' }) as const);
  return {
    state: { ...state, phase: { kind: 'terminating', deadline: now + terminateMs } },
    actions: [...signals, { kind: 'alarm', afterMs: terminateMs }],
  };
}

function kill(state: LaunchState): LaunchDecision {
  const signals = running(state).map(({ name }) => ({ kind: 'signal', name, signal: 'SIGKILL' }) as const);
  return { state: { ...state, phase: { kind: 'killing' } }, actions: signals };
}

function running(state: LaunchState): readonly ChildState[] {
  return state.children.filter(({ exit }) => exit === null);
}

function withActions(decision: LaunchDecision, first: readonly LaunchAction[]): LaunchDecision {
  return { state: decision.state, actions: [...first, ...decision.actions] };
}

/** By a signal to the launcher, or to the coordinator itself, which then exits with 130. */
export function wasInterrupted({ interrupts, children }: LaunchState): boolean {
  const isEarlyEnd = ({ name, exit }: ChildState): boolean => name === coordinatorName && exit?.code === RESUMABLE;
  return interrupts > 0 || children.some((child) => child.exit?.code === 130 || isEarlyEnd(child));
}

/** 0 success, which the coordinator alone can tell; 1 a failed run, 2 bad usage that only a child could find out, 130 ended by the user. */
function exitCodeOf(state: LaunchState): number {
  if (state.firstFailure !== null) {
    const first = state.children.find(({ name }) => name === state.firstFailure);
    return first?.exit?.code === 2 ? 2 : 1;
  }
  if (!wasInterrupted(state)) return 0;
  const coordinator = state.children.find(({ name }) => name === coordinatorName);
  return coordinator?.exit?.code === RESUMABLE ? RESUMABLE : 130;
}
