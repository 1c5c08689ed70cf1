import { describe, expect, it } from 'vitest';
import { type Due, DueHeap } from './due-heap.js';

interface Item extends Due {
  readonly name: number;
}

/** Fixed numbers that look random. */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('DueHeap', () => {
  it('is empty at first, and after its only item was removed', () => {
    const heap = new DueHeap<Item>();
    expect([heap.size, heap.first()]).toEqual([0, undefined]);
    const item = { name: 1, dueAt: 5, place: 0 };
    heap.add(item);
    expect([heap.size, heap.first()]).toEqual([1, item]);
    heap.remove(item);
    expect([heap.size, heap.first()]).toEqual([0, undefined]);
  });

  it.each([1, 2, 3, 4, 5])(
    'has the earliest first after any adds, removals and moves (sequence %i)',
    seed => {
      const next = sequence(seed);
      const heap = new DueHeap<Item>();
      const items: Item[] = [];
      for (let step = 0; step < 3_000; step++) {
        const item = items[next(items.length || 1)];
        const what = next(step < 1_500 ? 4 : 3);
        if (item === undefined || what === 3) {
          const added = { name: step, dueAt: next(200), place: 0 };
          items.push(added);
          heap.add(added);
        } else if (what === 2) {
          items.splice(items.indexOf(item), 1);
          heap.remove(item);
        } else {
          heap.move(item, next(200));
        }
        expect(heap.size).toBe(items.length);
        expect(heap.first()?.dueAt).toBe(
          items.length > 0 ? Math.min(...items.map(({ dueAt }) => dueAt)) : undefined,
        );
      }
    },
  );

  it('returns its items in order', () => {
    const next = sequence(7);
    const heap = new DueHeap<Item>();
    const dues = Array.from({ length: 500 }, () => next(100));
    for (const [name, dueAt] of dues.entries()) heap.add({ name, dueAt, place: 0 });
    const out: number[] = [];
    for (let item = heap.first(); item !== undefined; item = heap.first()) {
      out.push(item.dueAt);
      heap.remove(item);
    }
    expect(out).toEqual(dues.toSorted((a, b) => a - b));
  });
});
