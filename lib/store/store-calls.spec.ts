import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionStoreError } from '../errors/session.error.js';
import { SessionEvents, type SessionEvent } from '../events/session-events.js';
import { StoreCalls } from './store-calls.js';
import { StoreRefusedError } from './store-refused.error.js';

const TIMEOUT = 100;

/** A call that the test settles. */
function pendingCall() {
  let resolve!: (value: string) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<string>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { call: () => promise, resolve, reject };
}

/** Lets time pass, and then one turn of the event loop. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await setImmediate();
}

const holding = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;

describe('StoreCalls', () => {
  let seen: SessionEvent[];
  let calls: StoreCalls;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const events = new SessionEvents(console);
    seen = [];
    events.events$.subscribe(event => seen.push(event));
    calls = new StoreCalls(TIMEOUT, events);
  });
  afterEach(() => vi.useRealTimers());

  /** The value of a call, or the code of its error, whether it was thrown or rejected. */
  async function outcome(call: () => unknown, operation = 'load'): Promise<unknown> {
    try {
      return await calls.run(operation, call);
    } catch (error) {
      return error instanceof SessionStoreError ? error.code : error;
    }
  }

  /** Lets a call miss its deadline. */
  async function timeOut(): Promise<unknown> {
    const late = outcome(pendingCall().call);
    await pass(TIMEOUT);
    return late;
  }

  it('returns synchronously what a store answers synchronously', () => {
    const record = { data: {} };
    expect(calls.run('load', () => record)).toBe(record);
    expect(calls.run('load', () => undefined)).toBeUndefined();
    expect(calls.run('load', () => null)).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for the promise of a store, and leaves no timer behind', async () => {
    const { call, resolve } = pendingCall();
    const result = calls.run('load', call);
    expect(result).toBeInstanceOf(Promise);
    resolve('record');
    expect(await result).toBe('record');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for any thenable: database clients have promises of their own', async () => {
    const then = Promise.prototype.then.bind(Promise.resolve('record'));
    const query = Object.fromEntries([['then', then]]) as unknown as PromiseLike<string>;
    const result = calls.run<unknown>('load', () => query);
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toBe('record');
  });

  it.each<[string, Error, string]>([
    ['any error as not available', new Error('ECONNREFUSED'), 'SESSION_STORE_UNAVAILABLE'],
    ['a refusal as refused', new StoreRefusedError('read only'), 'SESSION_STORE_REFUSED'],
    [
      'a typed error unchanged',
      new SessionStoreError('SESSION_UNREADABLE', 'unknown key'),
      'SESSION_UNREADABLE',
    ],
  ])('reports %s, thrown or rejected, each with one event', async (_, error, code) => {
    const throws = (): never => {
      throw error;
    };
    expect(await outcome(throws, 'update')).toBe(code);
    expect(await outcome(() => Promise.reject(error), 'touch')).toBe(code);
    expect(seen).toEqual([
      { type: 'store-failed', operation: 'update', code, cause: error },
      { type: 'store-failed', operation: 'touch', code, cause: error },
    ]);
  });

  it('keeps the cause for the log and out of the response', async () => {
    const cause = new Error('password "hunter2" refused');
    const error = await Promise.resolve(calls.run('load', () => Promise.reject(cause))).catch(
      (e: unknown) => e,
    );
    expect((error as SessionStoreError).getResponse()).toEqual({
      statusCode: 503,
      message: 'Service Unavailable',
    });
    expect((error as SessionStoreError).cause).toBe(cause);
  });

  it('fails at the deadline, and reports that the outcome is unknown', async () => {
    const pending = pendingCall();
    const result = outcome(pending.call, 'create');
    await pass(TIMEOUT - 1);
    expect(seen).toEqual([]);
    await pass(1);
    expect(await result).toBe('SESSION_STORE_TIMEOUT');
    expect(seen).toMatchObject([{ operation: 'create', code: 'SESSION_STORE_TIMEOUT' }]);
    pending.resolve('too late');
  });

  it('accepts a reply that arrived while the process was stalled: it waits one more turn before it gives up', async () => {
    const { call, resolve } = pendingCall();
    const result = outcome(call);
    vi.advanceTimersByTime(TIMEOUT); // the timer is due; replies in the sockets are read in the next turn
    resolve('record');
    await setImmediate();
    expect(await result).toBe('record');
    expect(seen).toEqual([]);
  });

  it('does not give up a call that a stalled process has not sent yet: the answer still has time to arrive', async () => {
    vi.useRealTimers();
    const patient = new StoreCalls(1_000, new SessionEvents(console));
    // The call is sent at the end of this turn, like a driver that sends the commands of a turn in one write.
    const sent = setImmediate();
    const result = patient.run('load', async () => {
      await sent;
      return setTimeout(5, 'record');
    });
    const end = performance.now() + 1_200;
    while (performance.now() < end); // another request keeps the process busy
    expect(await result).toBe('record');
  });

  it('opens after a timeout: calls fail at once for a second, without reaching the backend', async () => {
    expect(await timeOut()).toBe('SESSION_STORE_TIMEOUT');
    const asked = vi.fn<() => string>(() => 'record');
    await pass(900);
    expect(await outcome(asked)).toBe('SESSION_STORE_UNAVAILABLE');
    expect(() => calls.run('load', asked)).toThrow(SessionStoreError);
    expect(asked).not.toHaveBeenCalled();
    expect(seen.map(event => 'code' in event && event.code)).toEqual([
      'SESSION_STORE_TIMEOUT',
      'SESSION_STORE_UNAVAILABLE',
      'SESSION_STORE_UNAVAILABLE',
    ]);
  });

  it('lets one call through after a second, and closes if it is answered', async () => {
    await timeOut();
    await pass(1_000);
    const probe = pendingCall();
    const probing = outcome(probe.call);
    expect(await outcome(() => 'record')).toBe('SESSION_STORE_UNAVAILABLE');
    probe.resolve('probed');
    expect(await probing).toBe('probed');
    expect(await outcome(() => 'record')).toBe('record');
  });

  it('opens again if that call times out too', async () => {
    await timeOut();
    await pass(1_000);
    expect(await timeOut()).toBe('SESSION_STORE_TIMEOUT');
    expect(await outcome(() => 'record')).toBe('SESSION_STORE_UNAVAILABLE');
    await pass(1_000);
    expect(await outcome(() => 'record')).toBe('record');
  });

  it('lets the next one through a second after that one began, so that the end of an outage is noticed soon', async () => {
    await timeOut();
    await pass(1_000);
    await timeOut(); // takes TIMEOUT
    await pass(1_000 - TIMEOUT - 1);
    expect(await outcome(() => 'record')).toBe('SESSION_STORE_UNAVAILABLE');
    await pass(1);
    expect(await outcome(() => 'record')).toBe('record');
  });

  it.each<[string, () => unknown]>([
    ['rejects', () => Promise.reject(new Error('read only'))],
    [
      'throws',
      () => {
        throw new Error('read only');
      },
    ],
  ])('closes if that call %s: an error is an answer', async (_, call) => {
    await timeOut();
    await pass(1_000);
    expect(await outcome(call)).toBe('SESSION_STORE_UNAVAILABLE');
    expect(await outcome(() => 'record')).toBe('record');
  });

  it('stays closed after errors that are not timeouts', async () => {
    for (let i = 0; i < 5; i++) await outcome(() => Promise.reject(new Error('lost')));
    expect(await outcome(() => 'record')).toBe('record');
  });

  it('emits an event for an error that arrives after the deadline; the caller already has its answer', async () => {
    const pending = pendingCall();
    const result = outcome(pending.call);
    await pass(TIMEOUT);
    expect(await result).toBe('SESSION_STORE_TIMEOUT');
    pending.reject(new Error('reset'));
    await pass(0);
    expect(seen.map(event => 'code' in event && event.code)).toEqual([
      'SESSION_STORE_TIMEOUT',
      'SESSION_STORE_UNAVAILABLE',
    ]);
  });

  it('does not keep the process alive while it is open', async () => {
    vi.useRealTimers();
    const before = holding();
    const quick = new StoreCalls(1, new SessionEvents(console));
    await expect(quick.run('load', () => new Promise(() => undefined))).rejects.toThrow(SessionStoreError);
    expect(holding()).toBe(before);
  });
});
