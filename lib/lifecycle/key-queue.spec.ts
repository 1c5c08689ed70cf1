import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeyQueue, type KeyTurn } from './key-queue.js';

const late = (): Error => new Error('late');

/** A task that the test ends. */
function task<T>(value: T) {
  let end!: () => void;
  const ended = new Promise<void>(resolve => (end = resolve));
  const run = vi.fn<(line: KeyTurn) => Promise<T>>(async () => {
    await ended;
    return value;
  });
  return { run, end };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('KeyQueue', () => {
  it('runs the tasks of one key one after another, in order', async () => {
    const queue = new KeyQueue();
    const order: number[] = [];
    const tasks = Array.from({ length: 20 }, (_, i) =>
      queue.run('k', 1_000, async () => void order.push(i), late),
    );
    await Promise.all(tasks);
    expect(order).toEqual(tasks.map((_, i) => i));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('runs the tasks of different keys concurrently', async () => {
    const queue = new KeyQueue();
    const [one, other] = [task('one'), task('other')];
    const done = [queue.run('a', 1_000, one.run, late), queue.run('b', 1_000, other.run, late)];
    expect([one.run, other.run].map(run => run.mock.calls.length)).toEqual([1, 1]);
    one.end();
    other.end();
    expect(await Promise.all(done)).toEqual(['one', 'other']);
  });

  it('passes the text that a task returned to the next one, and forgets it when the queue is empty', async () => {
    const queue = new KeyQueue();
    const seen: unknown[] = [];
    const append = async (line: KeyTurn) => {
      seen.push(line.text);
      line.text = `${line.text ?? ''}x`;
    };
    await Promise.all([1, 2, 3].map(() => queue.run('k', 1_000, append, late)));
    await queue.run('k', 1_000, append, late);
    expect(seen).toEqual([undefined, 'x', 'xx', undefined]);
  });

  it('a task that waits too long is rejected, and never runs', async () => {
    const queue = new KeyQueue();
    const [first, second, third] = [task(1), task(2), task(3)];
    const done = queue.run('k', 1_000, first.run, late);
    const gaveUp = queue.run('k', 50, second.run, late).catch((error: unknown) => error);
    const waits = queue.run('k', 1_000, third.run, late);
    await vi.advanceTimersByTimeAsync(45); // a deadline has two parts: see `Deadline`
    await vi.advanceTimersByTimeAsync(5);
    expect(await gaveUp).toEqual(new Error('late'));
    expect(third.run).not.toHaveBeenCalled(); // the first still runs
    first.end();
    expect(await done).toBe(1);
    third.end();
    expect(await waits).toBe(3);
    expect(second.run).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a task that fails does not fail the others', async () => {
    const queue = new KeyQueue();
    const failed = queue.run('k', 1_000, () => Promise.reject(new Error('no')), late);
    const next = queue.run('k', 1_000, async () => 'next', late);
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('next');
  });
});
