import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeShape, shapeOf } from '../../worker/engine/batch-shape.ts';
import { SectionCache } from '../../worker/engine/compiled/section-cache.ts';

test('announced sections are always there and take no room', () => {
  const cache = new SectionCache(['a', 'b'], 1);
  cache.admit('x');
  cache.admit('y');
  assert.deepEqual([cache.use('a'), cache.use('b'), cache.use('x'), cache.use('y')], [true, true, false, true]);
});

test('the least recently used section goes first, and coming back it counts as compiled again', () => {
  const cache = new SectionCache([], 2);
  assert.deepEqual([cache.admit('x'), cache.admit('y')], [0, 0]);
  cache.use('x');
  assert.deepEqual(cache.roomForOne(), ['y']);
  assert.equal(cache.admit('z'), 0);
  assert.deepEqual([cache.use('x'), cache.use('y'), cache.use('z')], [true, false, true]);
  assert.equal(cache.admit('y'), 1);
  assert.equal(cache.admit('x'), 2);
});

test('the cache holds what a list of the last used ones would hold', () => {
  const ids = fc.array(fc.integer({ min: 0, max: 9 }).map(String), { maxLength: 60 });
  fc.assert(
    fc.property(ids, fc.integer({ min: 1, max: 6 }), (used, limit) => {
      const cache = new SectionCache([], limit);
      let recent: string[] = [];
      for (const id of used) {
        assert.equal(cache.use(id), recent.includes(id));
        if (!recent.includes(id)) {
          assert.deepEqual(cache.roomForOne(), recent.slice(0, Math.max(0, recent.length + 1 - limit)));
          cache.admit(id);
        }
        recent = [...recent.filter((other) => other !== id), id].slice(-limit);
      }
    }),
  );
});

test('a shape has one key, whether the batch says it or the data set', () => {
  const declared = {
    inputs: [{ shape: [100, 8], dtype: 'float32' }],
    targets: [{ shape: [], dtype: 'int32' }],
  } as const;
  const own = shapeOf(declared, 32, { inputs: [[100, 8]], targets: [[]] });
  assert.equal(own.key, shapeOf(declared, 32).key);
  const shorter = shapeOf(declared, 32, { inputs: [[50, 8]], targets: [[]] });
  assert.notEqual(shorter.key, own.key);
  assert.notEqual(shorter.key, shapeOf(declared, 32, { inputs: [[5, 8]], targets: [[]] }).key);
  assert.deepEqual(shorter.inputs, [{ shape: [50, 8], dtype: 'float32' }]);
  assert.equal(describeShape(shorter), '32 rows of [50, 8]');
});
