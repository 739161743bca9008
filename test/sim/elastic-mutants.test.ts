import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Action, activeOf, reduce, type Transition } from '../../coordinator/membership/index.ts';
import { catchUp } from '../../worker/session/catch-up.ts';
import { simulateSeed } from './elastic/simulate.ts';
import type { Mutation } from './elastic/simulation.ts';

const SEEDS = 400;

/** Some seed finds what is broken, says it in these words, and has nothing to say of the rule as it is. */
async function assertFound(mutation: Mutation, words: RegExp): Promise<void> {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    try {
      await simulateSeed(seed, mutation);
    } catch (error) {
      const { message } = error as Error;
      seen.add((message.split('\n')[0] ?? '').replace(/^seed \d+: /, ''));
      if (!words.test(message)) continue;
      assert.match(message, new RegExp(`LOCKSTEP_SIMULATE=${seed}:${seed + 1} `), 'it says how to repeat it');
      await simulateSeed(seed);
      return;
    }
  }
  assert.fail(`not found in ${SEEDS} seeds; only: ${[...seen].slice(0, 8).join(' | ')}`);
}

type Start = Extract<Action, { kind: 'startGeneration' }>;

function changingStarts(change: (start: Start) => readonly Action[]): Mutation {
  return {
    reduce: (state, event, now) => {
      const { actions, ...rest } = reduce(state, event, now);
      return {
        ...rest,
        actions: actions.flatMap((action) => (action.kind === 'startGeneration' ? change(action) : [action])),
      };
    },
  };
}

describe('the simulation finds a coordinator or a worker', () => {
  test('that makes two generations where one is due', async () => {
    const twice = changingStarts((start) => [start, { ...start, generation: start.generation + 1 }]);
    await assertFound(twice, /the last one started is current/);
  });

  test('that does not wait until all workers are out of their step', async () => {
    const hasty: typeof reduce = (state, event, now) => {
      let all: Transition = reduce(state, event, now);
      if (event.kind !== 'workerStanding') return all;
      for (const { link } of activeOf(all.state.stage)?.members ?? []) {
        const { stage } = all.state;
        if (stage.kind !== 'regrouping' || stage.standings.has(link)) continue;
        const next = reduce(all.state, { ...event, from: { ...event.from, link } }, now);
        all = { ...next, actions: [...all.actions, ...next.actions] };
      }
      return all;
    };
    await assertFound({ reduce: hasty }, /start after the same step|differ by at most one|in the current generation/);
  });

  test('that lets a newcomer train without the state of the others', async () => {
    const forgetful = changingStarts((start) => [{ ...start, catchUp: { ...start.catchUp, fresh: [] } }]);
    await assertFound(forgetful, /applied steps of live workers differ by at most one/);
  });

  test('that counts an update which it has not applied', async () => {
    const skipping: typeof catchUp = async (parts) => {
      const { generation, progress } = parts;
      if (!generation.behind.includes(generation.rank)) return catchUp(parts);
      progress.steps++;
    };
    await assertFound({ catchUp: skipping }, /state after step \d+ is that of every run/);
  });

  test('that does not tell a newcomer what was decided between epochs', async () => {
    const silent = changingStarts((start) => [{ ...start, catchUp: { ...start.catchUp, history: [] } }]);
    await assertFound(silent, /is that of every run|is the same in every run/);
  });

  test('that counts a step twice which is done again', async () => {
    const generous: typeof reduce = (state, event, now) => {
      const { stage } = state;
      const isAgain =
        event.kind === 'stepCommitted' &&
        stage.kind === 'running' &&
        stage.active.generation > 1 &&
        event.from.generation === stage.active.generation &&
        event.report.step === stage.active.committedSteps - 1;
      if (!isAgain) return reduce(state, event, now);
      const { step: committedSteps } = event.report;
      return reduce({ ...state, stage: { ...stage, active: { ...stage.active, committedSteps } } }, event, now);
    };
    await assertFound({ reduce: generous }, /step \d+ is in the journal once/);
  });

  test('that sums a step without waiting for all replicas', async () => {
    await assertFound({ skipsSlowest: true }, /sums each replica once/);
  });
});
