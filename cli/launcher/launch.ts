import { assertNever, type Clock, monotonicClock } from '../../shared/core/index.ts';
import type { NetworkNode } from '../network/index.ts';
import { isLibraryChatter, LaunchedChild } from './child.ts';
import { coordinatorName, decide, initialLaunchState, type LaunchAction, type LaunchEvent } from './decide.ts';
import { type LaunchPlan, planNames } from './plan.ts';
import { type ChildWords, type LaunchReport, reportLaunch } from './report.ts';

export interface LaunchOptions {
  /** The first one drains the run, the next one stops it at once. */
  readonly interrupts: Interrupts;
  /** Where the coordinator's lines go: straight to the launcher's own streams, or to a function. */
  readonly stdout: 'inherit' | ((line: string) => void);
  readonly stderr: 'inherit' | ((line: string) => void);
  /** Lines of workers (with their name in front) and of the launcher itself. */
  readonly say: (line: string) => void;
  readonly onMetrics?: (name: string, address: string) => void;
  /** What the children run; tests put their own in place. */
  readonly module?: string;
  readonly clock?: Clock;
}

/** Calls `listener` each time that the user wants the run to end; returns a function that unsubscribes. */
export type Interrupts = (listener: () => void) => () => void;

export interface LaunchOutcome extends LaunchReport {
  readonly exitCode: number;
}

const noWords: ChildWords = { pid: undefined, error: null, wasTold: false, lastLine: null };

/** Longest wait for the last lines of a process that has ended. */
const lastLinesMs = 500;

/**
 * Runs a coordinator and its workers as processes of this machine until all of them have ended; none is left behind,
 * whatever happens to any of them.
 */
export async function launch(plan: LaunchPlan, options: LaunchOptions): Promise<LaunchOutcome> {
  const clock = options.clock ?? monotonicClock;
  const startedAt = new Date();
  const startMs = clock.now();
  const now = () => clock.now() - startMs;
  const module = options.module ?? new URL('./child-main.js', import.meta.url).pathname;
  const isDetailed = ['debug', 'info'].includes(plan.coordinator.logLevel);
  const children = new Map<string, LaunchedChild>();
  let state = initialLaunchState(planNames(plan), plan.limits);
  let coordinatorAddress = '';
  let timer: NodeJS.Timeout | undefined;
  let finish: (exitCode: number) => void = () => {};
  const finished = new Promise<number>((resolve) => {
    finish = resolve;
  });

  const dispatch = (event: LaunchEvent) => {
    const decision = decide(state, event, now());
    state = decision.state;
    for (const action of decision.actions) perform(action);
  };

  const perform = (action: LaunchAction) => {
    switch (action.kind) {
      case 'start-workers':
        for (const { name, start } of plan.workers) {
          children.get(name)?.send({ kind: 'start-worker', options: { ...start, coordinator: coordinatorAddress } });
        }
        return;
      case 'signal':
        children.get(action.name)?.signal(action.signal);
        return;
      case 'alarm':
        clearTimeout(timer);
        timer = setTimeout(() => dispatch({ kind: 'alarm' }), Math.ceil(action.afterMs));
        return;
      case 'say':
        options.say(`lockstep: ${action.text}`);
        return;
      case 'finish':
        finish(action.exitCode);
        return;
      default:
        assertNever(action);
    }
  };

  const start = (
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    node: NetworkNode | undefined,
  ) => {
    const isCoordinator = name === coordinatorName;
    const prefixed = (line: string) => {
      if (isDetailed || !isLibraryChatter(line)) options.say(`[${name}] ${line}`);
    };
    const child = new LaunchedChild({
      ...{ name, module, args, env },
      ...(node === undefined ? {} : { node }),
      stdout: isCoordinator ? options.stdout : prefixed,
      stderr: isCoordinator ? options.stderr : prefixed,
      onMessage: (message) => {
        if (message.kind !== 'listening') return;
        if (message.metricsAddress !== null) options.onMetrics?.(name, message.metricsAddress);
        if (!isCoordinator) return;
        coordinatorAddress = message.address;
        dispatch({ kind: 'listening' });
      },
      onExit: (code, signal) => dispatch({ kind: 'exited', name, code, signal }),
    });
    children.set(name, child);
    return child;
  };

  const killAll = () => {
    for (const child of children.values()) child.signal('SIGKILL');
  };
  const unsubscribe = options.interrupts(() => dispatch({ kind: 'interrupted' }));
  process.once('exit', killAll);
  try {
    const coordinator = start(coordinatorName, [coordinatorName], {}, plan.hub);
    coordinator.send({ kind: 'start-coordinator', options: plan.coordinator });
    // Workers load their program while the coordinator gets ready.
    for (const { name, env, node } of plan.workers) start(name, ['worker', name], env, node);
    const exitCode = await finished;
    await Promise.all([...children.values()].map((child) => child.drained(lastLinesMs)));
    const wordsOf = (name: string) => children.get(name)?.words ?? noWords;
    return { exitCode, ...reportLaunch(state, wordsOf, startedAt) };
  } finally {
    unsubscribe();
    process.off('exit', killAll);
    clearTimeout(timer);
    killAll();
  }
}
