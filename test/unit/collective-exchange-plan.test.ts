import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../shared/core/index.ts';
import { algorithms, rankGroups } from '../../worker/collective/algorithm.ts';
import { ExchangePlanner } from '../../worker/collective/exchange-plan.ts';
import { cluster } from '../support/cluster.ts';

const shapes = fc.record({
  workers: fc.integer({ min: 1, max: 40 }),
  perHost: fc.integer({ min: 1, max: 9 }),
  extraReplicas: fc.nat(20),
  length: fc.nat(400),
  algorithm: fc.constantFrom(...algorithms),
});

function plansOf({
  workers,
  perHost,
  extraReplicas,
  length,
  algorithm,
}: typeof shapes extends fc.Arbitrary<infer T> ? T : never) {
  const members = cluster(workers, perHost, workers + extraReplicas);
  const planner = new ExchangePlanner(rankGroups(algorithm, members), members, length);
  return members.map(({ rank }) => planner.plan(rank));
}

function assertCovers(ranges: readonly Range[], length: number): void {
  const sorted = ranges.filter(({ start, end }) => end > start).toSorted((a, b) => a.start - b.start);
  let next = 0;
  for (const { start, end } of sorted) {
    assert.equal(start, next);
    next = end;
  }
  assert.equal(next, length);
}

test('each value is reduced by exactly one rank, or by both of two, and each rank gets all values', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const replicas = shape.workers + shape.extraReplicas;
      const plans = plansOf(shape);
      const isSwap = plans.some(({ lendsSum }) => lendsSum);
      assert.ok(!isSwap || shape.workers === 2);
      const isFinal = ({ replicas: { start, end } }: { replicas: Range }) => end - start === replicas;
      const finals = plans.map(({ zones }) => zones.filter(isFinal).map(({ values }) => values));
      assertCovers(isSwap ? (finals[0] ?? []) : finals.flat(), shape.length);
      for (const [rank, { zones, gathers }] of plans.entries()) {
        assertCovers(
          zones.map(({ values }) => values),
          shape.length,
        );
        assertCovers([...(finals[rank] ?? []), ...gathers.map(({ values }) => values)], shape.length);
      }
    }),
  );
});

test('what a rank pulls lies in one zone of its peer that sums that very node, and what it gathers is kept there', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const plans = plansOf(shape);
      for (const { zones, gathers } of plans) {
        for (const { values, pulls } of zones) {
          for (const { rank, node } of pulls) {
            const holder = plans[rank]?.zones.find(
              ({ values: { start, end } }) => start <= values.start && end >= values.end,
            );
            assert.ok(holder !== undefined && holder.replicas.start <= node.start && holder.replicas.end >= node.end);
          }
        }
        for (const { rank, values } of gathers) {
          const kept = plans[rank]?.kept;
          assert.ok(kept !== undefined && kept.start <= values.start && kept.end >= values.end);
        }
      }
    }),
  );
});
