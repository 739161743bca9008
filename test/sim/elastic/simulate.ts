import { Simulation, type SimulationOptions } from './simulation.ts';

/** One seed, against an undisturbed run of its job. @throws Error with how to repeat it, and its log */
export async function simulateSeed(seed: number, options: SimulationOptions = {}): Promise<Simulation> {
  const undisturbed = new Simulation(seed, { faults: false, workers: 1 });
  await undisturbed.run();
  const { states, journal } = undisturbed.invariants;
  const simulation = new Simulation(seed, { ...options, reference: { states, journal } });
  try {
    await simulation.run();
    return simulation;
  } catch (error) {
    const repeat = `LOCKSTEP_SIMULATE=${seed}:${seed + 1} node --test dist/test/sim/elastic-run.test.js`;
    const { message } = error as Error;
    throw new Error(`seed ${seed}: ${message}\nrepeat: ${repeat}\n${simulation.log.slice(-60).join('\n')}`, {
      cause: error,
    });
  }
}
