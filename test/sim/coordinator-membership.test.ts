import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOver } from '../../coordinator/membership/index.ts';
import { Simulation } from '../support/membership-simulation.ts';

const SEEDS = 400;

function fromSeeds(check: (simulation: Simulation) => void): void {
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = new Simulation(seed);
    try {
      simulation.run();
      check(simulation);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}\n${simulation.log.slice(-30).join('\n')}`, {
        cause: error,
      });
    }
  }
}

test('whatever is delayed, dropped, duplicated or dies, a run keeps its invariants and ends in time', () => {
  const endings = new Map<string, number>();
  fromSeeds((simulation) => {
    const { stage } = simulation.state;
    assert.ok(isOver(stage) && stage.exited, `stuck in ${stage.kind} at ${simulation.now} ms`);
    const ending = stage.kind === 'failed' ? stage.error.code : stage.outcome.drained ? 'drained' : 'finished';
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
    if (stage.kind === 'failed') {
      assert.match(
        stage.error.message,
        /worker w\d|workers were ready|stopped/,
        `no culprit in: ${stage.error.message}`,
      );
    }
  });
  for (const wanted of ['finished', 'drained', 'run/worker-lost', 'engine/failed', 'run/interrupted']) {
    assert.ok((endings.get(wanted) ?? 0) >= 5, `too few runs ended with ${wanted}: ${JSON.stringify([...endings])}`);
  }
});

test('a worker that died is the one that is blamed, never a peer that missed it', () => {
  fromSeeds(({ state: { stage }, culprits }) => {
    if (stage.kind !== 'failed') return;
    assert.notEqual(stage.error.code, 'collective/timeout', stage.error.message);
    if (stage.error.code === 'run/worker-lost') assert.ok(culprits.has(String(stage.error.details['worker'])));
  });
});

test('a run without faults finishes all its steps', () => {
  for (let seed = 0; seed < 50; seed++) {
    const simulation = new Simulation(seed, { faults: false });
    simulation.run();
    const { stage } = simulation.state;
    assert.ok(
      stage.kind === 'finished' && stage.outcome.steps === simulation.totalSteps,
      `seed ${seed}: ${stage.kind}`,
    );
    assert.equal(simulation.committed.length, simulation.totalSteps);
  }
});
