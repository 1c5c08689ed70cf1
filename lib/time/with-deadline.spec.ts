import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withDeadline } from './with-deadline.js';

const TIMEOUT = 100;
const late = (): Error => new Error('too late');
const never = (): Promise<never> => new Promise(() => undefined);

/** Lets time pass, and then one turn of the event loop. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await setImmediate();
}

describe('withDeadline', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => vi.useRealTimers());

  it('settles as the promise does, and leaves no timer behind', async () => {
    expect(await withDeadline(Promise.resolve('value'), TIMEOUT, late)).toBe('value');
    await expect(withDeadline(Promise.reject(new Error('lost')), TIMEOUT, late)).rejects.toThrow('lost');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rejects at the deadline, and not before', async () => {
    let outcome: unknown = 'pending';
    withDeadline(never(), TIMEOUT, late).catch((error: unknown) => (outcome = error));
    await pass(TIMEOUT - 1);
    expect(outcome).toBe('pending');
    await pass(1);
    expect(outcome).toEqual(late());
  });

  it.each([0, -5])('prefers a promise that has settled to a deadline of %s ms', async ms => {
    const result = withDeadline(Promise.resolve('value'), ms, late);
    await pass(1);
    expect(await result).toBe('value');
  });

  it('leaves no unhandled rejection if the promise rejects after the deadline', async () => {
    const unhandled = vi.fn<(error: unknown) => void>();
    process.on('unhandledRejection', unhandled);
    let fail!: (error: Error) => void;
    const result = withDeadline(new Promise<never>((_, reject) => (fail = reject)), TIMEOUT, late);
    const outcome = result.catch((error: unknown) => error);
    await pass(TIMEOUT);
    expect(await outcome).toEqual(late());
    fail(new Error('lost'));
    await setImmediate();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('accepts a reply that arrived while the process was stalled', async () => {
    vi.useRealTimers();
    const reply = setTimeout(60, 'reply');
    const result = withDeadline(reply, 50, late);
    const stalledUntil = performance.now() + 200;
    while (performance.now() < stalledUntil);
    expect(await result).toBe('reply');
  });
});
