import type { Simulation } from './simulation.ts';
import type { SimulatedWorker } from './worker.ts';

/** A handful of what can happen to a run, at random moments. */
export function planFaults(simulation: Simulation): void {
  const { scheduler } = simulation;
  const { random } = scheduler;
  const at = (kind: string, ms: number, run: () => void): void => {
    simulation.faults.add(kind);
    scheduler.at(ms, null, run);
  };
  const { plan, replicas, batchMs } = simulation.job;
  // About as long as the run takes: what comes after its end hurts nobody.
  const duration = 600 + (plan.totalSteps * (30 + (replicas * batchMs) / 2)) / simulation.size;
  const moment = () => random.uniform(random.below(4) > 0 ? 300 : 0, duration);
  const one = (act: (worker: SimulatedWorker) => void) => () => {
    const living = simulation.workers.filter(({ alive }) => alive);
    const worker = living[random.below(Math.max(1, living.length))];
    if (worker !== undefined) act(worker);
  };
  const noted = (what: string, act: (worker: SimulatedWorker) => void) =>
    one((worker) => {
      simulation.note(`${what} ${worker.id}/${worker.link} in generation ${worker.generation}`);
      act(worker);
    });
  const stop = (ms: number) =>
    noted(`stop for ${ms.toFixed(0)} ms`, (worker) => {
      worker.frozenUntil = Math.max(worker.frozenUntil, scheduler.now + ms);
    });
  const kill = noted('kill', (worker) => simulation.kill(worker));
  const kinds: readonly (() => void)[] = [
    () => at('kill', moment(), kill),
    () =>
      at('kill', moment(), () => {
        const [rankZero] = simulation.live();
        if (rankZero === undefined) return;
        simulation.note(`kill rank 0, ${rankZero.id}/${rankZero.link}`);
        simulation.kill(rankZero);
      }),
    () => {
      const first = moment();
      for (let count = 2 + random.below(4); count > 0; count--) at('kill', first + random.uniform(0, 300), kill);
    },
    () => at('stop', moment(), stop(random.uniform(20, 2500))),
    () => at('stop', moment(), stop(Number.POSITIVE_INFINITY)),
    () => at('join', moment(), () => simulation.spawn(`x${random.below(3)}`)),
    () => {
      for (let life = 0; life < 4; life++) {
        at('flap', life * 700 + random.uniform(300, 700), () => simulation.spawn('f0'));
        at('flap', life * 700 + random.uniform(700, 1000), () => {
          const worker = simulation.workers.findLast(({ id, alive }) => id === 'f0' && alive);
          if (worker !== undefined) simulation.kill(worker);
        });
      }
    },
    () => {
      const broken = noted('a link breaks at', (worker) => simulation.network.breakLink(worker));
      const first = moment();
      for (let count = 1 + random.below(5); count > 0; count--) at('links', first + random.uniform(0, 400), broken);
    },
    () => at('drain', moment(), () => drain(simulation)),
    () =>
      at(
        'term',
        moment(),
        noted('SIGTERM', (worker) => worker.requestDrain()),
      ),
    () =>
      at('pause', moment(), () => {
        const ms = random.uniform(100, 2500);
        simulation.note(`the coordinator stands still for ${ms.toFixed(0)} ms`);
        const { coordinator } = simulation;
        coordinator.frozenUntil = Math.max(coordinator.frozenUntil, scheduler.now + ms);
      }),
    () =>
      at(
        'stall',
        moment(),
        noted('stall', (worker) => {
          worker.stallMs = random.uniform(200, 4000);
        }),
      ),
  ];
  for (let count = random.below(6); count > 0; count--) kinds[random.below(kinds.length)]?.();
  if (random.below(40) === 0)
    at(
      'break',
      moment(),
      noted('break', (worker) => {
        worker.isBroken = true;
      }),
    );
}

function drain(simulation: Simulation): void {
  simulation.give({ kind: 'drainRequested', reason: 'Ctrl-C', exitCode: 130 });
}
