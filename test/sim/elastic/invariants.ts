import assert from 'node:assert/strict';
import {
  type Action,
  activeOf,
  isOver,
  type JournalEntry,
  type RunState,
} from '../../../coordinator/membership/index.ts';
import type { SimulatedWorker } from './worker.ts';

/** What an undisturbed run of the same job on one worker did. */
export interface Reference {
  /** By the number of updates, the state that they lead to. */
  readonly states: ReadonlyMap<number, string>;
  readonly journal: ReadonlyMap<string, JournalEntry>;
}

/** What holds after every event, whatever happened. */
export class Invariants {
  readonly states = new Map<number, string>();
  readonly journal = new Map<string, JournalEntry>();
  committed = 0;
  #generation = 0;
  readonly #replicas: number;
  readonly #reference: Reference | null;

  constructor(replicas: number, reference: Reference | null) {
    this.#replicas = replicas;
    this.#reference = reference;
  }

  /** One generation is current, every replica has one worker in it, and each step is committed once, in order. */
  decided(before: RunState, { stage }: RunState, actions: readonly Action[]): void {
    if (isOver(before.stage)) assert.equal(stage.kind, before.stage.kind, 'an end is final');
    for (const action of actions) {
      if (action.kind === 'startGeneration') {
        assert.ok(action.generation > this.#generation, `generation ${action.generation} is started once`);
        this.#generation = action.generation;
        this.#checkPlaces(action.members);
      }
      if (action.kind === 'journal') this.#checkJournal(action.record);
    }
    const active = activeOf(stage);
    if (active !== undefined) assert.equal(active.generation, this.#generation, 'the last one started is current');
  }

  /** The state is a function of the step; and only who is in the current generation gets further. */
  applied({ id, progress, generation }: SimulatedWorker, step: number, state: string, isLive: boolean): void {
    assert.equal(progress.steps, step, `${id} applies each step once, in order`);
    const expected = this.#reference?.states.get(step + 1) ?? this.states.get(step + 1) ?? state;
    assert.equal(state, expected, `${id}'s state after step ${step} is that of every run`);
    this.states.set(step + 1, state);
    if (isLive) assert.equal(generation, this.#generation, `${id} trains in the current generation`);
  }

  /** Applied steps of live workers differ by one at most. */
  together(live: readonly SimulatedWorker[]): void {
    const steps = live.filter(({ hasState }) => hasState).map(({ progress }) => progress.steps);
    if (steps.length < 2) return;
    const spread = Math.max(...steps) - Math.min(...steps);
    if (spread <= 1) return;
    const listed = live.map(({ id, progress }) => `${id}: ${progress.steps}`).join(', ');
    assert.fail(`applied steps of live workers differ by at most one, not: ${listed}`);
  }

  #checkPlaces(members: Extract<Action, { kind: 'startGeneration' }>['members']): void {
    let next = 0;
    for (const [index, { rank, firstReplica, endReplica }] of members.entries()) {
      assert.equal(rank, index);
      assert.equal(firstReplica, next, 'replicas are contiguous');
      assert.ok(endReplica > firstReplica, 'every worker has a replica');
      next = endReplica;
    }
    assert.equal(next, this.#replicas, 'every replica is placed');
  }

  #checkJournal(entry: JournalEntry): void {
    const key = keyOf(entry);
    if (key === null) return;
    assert.ok(!this.journal.has(key), `${key} is in the journal once`);
    if (entry.kind === 'step') {
      assert.equal(entry.step, this.committed, 'steps are committed once, in order');
      this.committed++;
    }
    this.journal.set(key, entry);
    const other = this.#reference?.journal.get(key);
    if (other !== undefined) assert.deepEqual(timeless(entry), timeless(other), `${key} is the same in every run`);
  }
}

/** What must be the same in every run of a job; an epoch cut short has its length in its key. */
function keyOf(entry: JournalEntry): string | null {
  switch (entry.kind) {
    case 'step':
      return `step ${entry.step}`;
    case 'evaluation':
      return `evaluation ${entry.evaluation.split}@${entry.evaluation.step}`;
    case 'epoch':
      return `epoch ${entry.end.epoch} of ${entry.end.steps} steps`;
    default:
      return null;
  }
}

function timeless(entry: JournalEntry): unknown {
  if (entry.kind === 'step') return { ...entry, generation: 0, seconds: 0 };
  return entry.kind === 'epoch' ? { ...entry.end, seconds: 0 } : entry;
}
