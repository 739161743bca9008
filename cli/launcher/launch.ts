import { assertNever, type Clock, monotonicClock } from '../../shared/core/index.ts';
import type { NetworkNode } from '../network/index.ts';
import { isLibraryChatter, LaunchedChild } from './child.ts';
import { coordinatorName, decide, initialLaunchState, type LaunchAction, type LaunchEvent } from './decide.ts';
import type { ToChild } from './messages.ts';
import { type LaunchPlan, type PlannedWorker, planNames } from './plan.ts';
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

/** How long a worker that the run goes on without may take to end by itself. */
const leftGraceMs = 2000;

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
  let state = initialLaunchState(planNames(plan), plan.limits, plan.restarts);
  let coordinatorAddress = '';
  let timer: NodeJS.Timeout | undefined;
  const restartTimers: NodeJS.Timeout[] = [];
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
        for (const worker of plan.workers) children.get(worker.name)?.send(workerMessage(worker));
        return;
      case 'restart': {
        if (action.name === coordinatorName) {
          const options = { ...plan.coordinator, listen: coordinatorAddress, recover: true };
          startCoordinator().send({ kind: 'start-coordinator', options });
          return;
        }
        const worker = plan.workers.find(({ name }) => name === action.name);
        if (worker !== undefined) startWorker(worker).send(workerMessage(worker));
        return;
      }
      case 'restart-alarm': {
        const { name } = action;
        restartTimers.push(setTimeout(() => dispatch({ kind: 'restart-due', name }), Math.ceil(action.afterMs)));
        return;
      }
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
        if (message.kind === 'left') endLeft(message.workerId);
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

  const startCoordinator = () => start(coordinatorName, [coordinatorName], {}, plan.hub);
  const startWorker = ({ name, env, node }: PlannedWorker) => start(name, ['worker', name], env, node);
  const workerMessage = ({ start: options }: PlannedWorker): ToChild => {
    return { kind: 'start-worker', options: { ...options, coordinator: coordinatorAddress } };
  };

  /** A process that hangs, or is stopped, does not end by itself. */
  const endLeft = (name: string) => {
    const child = children.get(name);
    restartTimers.push(setTimeout(() => child?.signal('SIGKILL'), leftGraceMs));
  };

  const killAll = () => {
    for (const child of children.values()) child.signal('SIGKILL');
  };
  const unsubscribe = options.interrupts(() => dispatch({ kind: 'interrupted' }));
  process.once('exit', killAll);
  try {
    startCoordinator().send({ kind: 'start-coordinator', options: plan.coordinator });
    // Workers load their program while the coordinator gets ready.
    for (const worker of plan.workers) startWorker(worker);
    const exitCode = await finished;
    await Promise.all([...children.values()].map((child) => child.drained(lastLinesMs)));
    const wordsOf = (name: string) => children.get(name)?.words ?? noWords;
    return { exitCode, ...reportLaunch(state, wordsOf, startedAt) };
  } finally {
    unsubscribe();
    process.off('exit', killAll);
    clearTimeout(timer);
    for (const restart of restartTimers) clearTimeout(restart);
    killAll();
  }
}
