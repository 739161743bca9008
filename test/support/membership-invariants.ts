import assert from 'node:assert/strict';
import { type Action, activeOf, isOver, type RunState } from '../../coordinator/membership/index.ts';
import { settings } from './membership-run.ts';

const order = ['gathering', 'running', 'draining', 'finishing', 'investigating', 'finished', 'failed'];

/** What holds after every event of a run, whatever happened. */
export class MembershipInvariants {
  readonly committed: number[] = [];
  readonly #generations = new Set<number>();

  check(before: RunState, { stage }: RunState, actions: readonly Action[]): void {
    assert.ok(order.indexOf(stage.kind) >= order.indexOf(before.stage.kind), `${before.stage.kind} → ${stage.kind}`);
    if (isOver(before.stage)) assert.equal(stage.kind, before.stage.kind, 'an end is final');
    const active = activeOf(stage);
    if (active !== undefined) checkPlaces(active.members);
    for (const action of actions) {
      if (action.kind === 'startGeneration') {
        assert.ok(!this.#generations.has(action.generation), 'a generation starts once');
        this.#generations.add(action.generation);
      }
      if (action.kind === 'journal' && action.record.kind === 'step') {
        assert.equal(action.record.step, this.committed.length, 'steps are committed once, in order');
        this.committed.push(action.record.step);
      }
    }
  }
}

type Places = readonly { readonly rank: number; readonly firstReplica: number; readonly endReplica: number }[];

function checkPlaces(members: Places): void {
  let next = 0;
  for (const [index, { rank, firstReplica, endReplica }] of members.entries()) {
    assert.equal(rank, index);
    assert.equal(firstReplica, next, 'replicas are contiguous');
    assert.ok(endReplica > firstReplica, 'every worker has a replica');
    next = endReplica;
  }
  assert.equal(next, settings.replicas, 'every replica is placed');
}
