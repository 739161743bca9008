import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Range } from '../../shared/core/index.ts';
import { isNode, maximalSubtrees, siblingOf, TreeSum } from '../../worker/collective/index.ts';
import { referenceSum, sameBits, wildFloats } from '../support/reference-sum.ts';

/** A partition of [0, replicas) in contiguous, non-empty ranges. */
const partitions = fc.integer({ min: 1, max: 40 }).chain((replicas) =>
  fc.record({
    replicas: fc.constant(replicas),
    ranges: fc
      .uniqueArray(fc.integer({ min: 1, max: Math.max(1, replicas - 1) }), { maxLength: replicas - 1 })
      .map((cuts) => {
        const bounds = [0, ...cuts.filter((cut) => cut < replicas).sort((a, b) => a - b), replicas];
        return bounds.slice(1).map((end, index): Range => ({ start: bounds[index] as number, end }));
      }),
  }),
);

test('the nodes over 7 replicas are those of the definition', () => {
  const nodes: string[] = [];
  for (let start = 0; start < 7; start++) {
    for (let end = start + 1; end <= 7; end++) if (isNode({ start, end }, 7)) nodes.push(`${start}-${end}`);
  }
  assert.deepEqual(nodes, ['0-1', '0-2', '0-4', '0-7', '1-2', '2-3', '2-4', '3-4', '4-5', '4-6', '4-7', '5-6', '6-7']);
});

test('a node at the right edge without a sibling is its own parent', () => {
  assert.deepEqual(siblingOf({ start: 4, end: 5 }, 5), { sibling: { start: 0, end: 4 }, parent: { start: 0, end: 5 } });
  assert.equal(siblingOf({ start: 0, end: 5 }, 5), undefined);
  assert.equal(siblingOf({ start: 0, end: 1 }, 1), undefined);
});

test('every node but the root has a sibling with which it makes up its parent', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 33 }), (replicas) => {
      for (let start = 0; start < replicas; start++) {
        for (let end = start + 1; end <= replicas; end++) {
          const node = { start, end };
          if (!isNode(node, replicas)) continue;
          const family = siblingOf(node, replicas);
          if (start === 0 && end === replicas) {
            assert.equal(family, undefined);
            continue;
          }
          assert.ok(family && isNode(family.parent, replicas) && isNode(family.sibling, replicas));
          assert.equal(Math.min(start, family.sibling.start), family.parent.start);
          assert.equal(Math.max(end, family.sibling.end), family.parent.end);
          assert.deepEqual(siblingOf(family.sibling, replicas)?.sibling, node);
        }
      }
    }),
  );
});

test('maximal subtrees are nodes, cover the range in order, and are at most 2 log2 R', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.nat(), fc.nat(), (replicas, a, b) => {
      const start = a % replicas;
      const end = start + 1 + (b % (replicas - start));
      const nodes = maximalSubtrees({ start, end }, replicas);
      assert.equal(nodes[0]?.start, start);
      assert.equal(nodes.at(-1)?.end, end);
      for (const [index, node] of nodes.entries()) {
        assert.ok(isNode(node, replicas));
        if (index > 0) assert.equal(node.start, nodes[index - 1]?.end);
        const parent = siblingOf(node, replicas)?.parent;
        assert.ok(parent === undefined || parent.start < start || parent.end > end, 'a larger node would fit');
      }
      assert.ok(nodes.length <= Math.max(1, 2 * Math.ceil(Math.log2(replicas))));
    }),
  );
});

test('any partition into workers and any order of arrival gives the bits of the recursive sum', () => {
  fc.assert(
    fc.property(partitions, fc.integer(), fc.infiniteStream(fc.nat()), ({ replicas, ranges }, seed, order) => {
      const length = 5;
      const leaves = Array.from({ length: replicas }, (_, replica) => wildFloats(length, seed, replica));
      const shuffle = <T>(items: T[]): T[] => {
        for (let i = items.length - 1; i > 0; i--) {
          const j = (order.next().value as number) % (i + 1);
          [items[i], items[j]] = [items[j] as T, items[i] as T];
        }
        return items;
      };
      const parts = ranges.flatMap((range) => {
        const local = new TreeSum(range, replicas, length);
        const hosted = shuffle(Array.from({ length: range.end - range.start }, (_, i) => range.start + i));
        for (const replica of hosted) {
          assert.equal(local.complete, false);
          local.add({ start: replica, end: replica + 1 }, (leaves[replica] as Float32Array).slice());
        }
        const sums = local.take();
        assert.deepEqual(
          sums.map(({ node }) => node),
          maximalSubtrees(range, replicas),
        );
        return sums;
      });
      const total = new TreeSum({ start: 0, end: replicas }, replicas, length);
      for (const { node, values } of shuffle(parts)) total.add(node, values);
      assert.equal(total.complete, true);
      const [sum, ...others] = total.take();
      assert.equal(others.length, 0);
      sameBits(sum?.values, referenceSum(leaves));
    }),
  );
});

test('the sum of one replica is that replica', () => {
  const sum = new TreeSum({ start: 0, end: 1 }, 1, 2);
  sum.add({ start: 0, end: 1 }, new Float32Array([-0, 1e-45]));
  sameBits(sum.take()[0]?.values, new Float32Array([-0, 1e-45]));
});

test('duplicates, overlaps, foreign nodes and wrong lengths are refused', () => {
  const sum = new TreeSum({ start: 0, end: 4 }, 6, 1);
  const add = (start: number, end: number, length = 1) => sum.add({ start, end }, new Float32Array(length));
  add(0, 2);
  assert.throws(() => add(0, 2), /overlaps \[0, 2\)/);
  assert.throws(() => add(1, 2), /overlaps/);
  assert.throws(() => add(0, 4), /overlaps/);
  assert.throws(() => add(1, 3), /no node/);
  assert.throws(() => add(4, 6), /outside of \[0, 4\)/);
  assert.throws(() => add(2, 3, 2), /2 values/);
  assert.throws(() => sum.take(), /2 replicas of/);
  add(2, 4);
  sum.take();
  assert.throws(() => add(2, 4), /taken/);
});
