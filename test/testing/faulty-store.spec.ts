import { describe, expect, it } from 'vitest';
import { SessionStore, StoreRefusedError, type SessionRecord } from '../../lib/index.js';
import { FaultyStore, sessionStoreCases } from '../../lib/testing/index.js';
import { HOUR } from '../support/durations.js';

const NOW = 1_800_000_000_000;
const ID = 'a'.repeat(64);
const record: SessionRecord = { expiresAt: NOW + HOUR, lastSeenAt: NOW, meta: '', data: { 'd:a': '1' } };
const moments = { expiresAt: NOW + 2 * HOUR, lastSeenAt: NOW };

/** A store with a record, whose calls so far are forgotten. */
async function storeWithRecord(): Promise<FaultyStore> {
  const store = new FaultyStore();
  await store.create(ID, record);
  store.takeVerbs();
  return store;
}

/** What has happened to a promise by the time that every other task has run. */
async function stateOf(promise: unknown): Promise<'pending' | 'settled'> {
  const next = new Promise<'pending'>(resolve => setImmediate(() => resolve('pending')));
  return Promise.race([next, Promise.resolve(promise).then(() => 'settled' as const)]);
}

describe('FaultyStore without a fault', () => {
  const cases = sessionStoreCases({
    create: () => new FaultyStore(),
    abilities: ['index', 'prune', 'ping', 'open', 'close'],
  });
  it.each(cases)('passes the kit: $name', ({ run }) => run());

  it('records every call with its arguments', async () => {
    const store = new FaultyStore();
    await store.open?.();
    await store.create(ID, record);
    await store.index?.add('ada', ID, NOW + HOUR, NOW);
    await store.destroy(ID, NOW, { successor: ID });
    expect(store.calls).toEqual([
      { verb: 'open', args: [] },
      { verb: 'create', args: [ID, record] },
      { verb: 'index.add', args: ['ada', ID, NOW + HOUR, NOW] },
      { verb: 'destroy', args: [ID, NOW, { successor: ID }] },
    ]);
    expect(store.takeVerbs()).toEqual(['open', 'create', 'index.add', 'destroy']);
    expect(store.takeVerbs()).toEqual([]);
  });

  it('has the abilities of the store inside and no others', () => {
    class PlainStore extends SessionStore {
      load = () => undefined;
      create = () => true;
      update = () => 'gone' as const;
      touch = () => false;
      destroy = () => undefined;
      ping(): void {}
    }
    const plain = new FaultyStore(new PlainStore());
    expect(plain.ping).toBeTypeOf('function');
    for (const ability of ['index', 'prune', 'open', 'close']) expect(ability in plain, ability).toBe(false);
    for (const ability of ['index', 'prune', 'ping', 'open', 'close'])
      expect(ability in new FaultyStore(), ability).toBe(true);
  });

  it('answers without waiting if the store inside does', () => {
    expect(new FaultyStore().load(ID)).toBeUndefined();
  });
});

describe('FaultyStore', () => {
  it('fail() rejects before the call takes effect, and records the call', async () => {
    const store = await storeWithRecord();
    store.fail('destroy');
    await expect(store.destroy(ID, NOW)).rejects.toThrow('connection lost');
    expect(await store.load(ID)).toEqual(record);
    expect(store.takeVerbs()).toEqual(['destroy', 'load']);
  });

  it('fail() rejects with the given error', async () => {
    const store = new FaultyStore();
    const error = new StoreRefusedError('the disk is full');
    store.fail('create', { error });
    await expect(store.create(ID, record)).rejects.toBe(error);
  });

  it('loseReply() rejects after the call took effect', async () => {
    const store = await storeWithRecord();
    store.loseReply('destroy');
    await expect(store.destroy(ID, NOW)).rejects.toThrow('before the reply');
    expect(await store.load(ID)).toBeUndefined();
  });

  it('hang() never settles and never takes effect, and calls after restore() work', async () => {
    const store = await storeWithRecord();
    store.hang('touch');
    const hanging = store.touch(ID, moments, NOW);
    store.restore();
    expect(await stateOf(hanging)).toBe('pending');
    expect(await store.load(ID)).toEqual(record);
    expect(await store.touch(ID, moments, NOW)).toBe(true);
  });

  it('delay() lets the call take effect later', async () => {
    const store = await storeWithRecord();
    store.delay('touch', 30);
    const began = performance.now();
    const touched = store.touch(ID, moments, NOW);
    expect(await store.load(ID)).toEqual(record);
    expect(await touched).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(28);
    expect(await store.load(ID)).toEqual({ ...record, ...moments });
  });

  it('hold() keeps a call until the test releases it: before it takes effect', async () => {
    const store = await storeWithRecord();
    const held = store.hold('touch');
    const touched = store.touch(ID, moments, NOW);
    await held.reached;
    expect(await store.load(ID)).toEqual(record);
    held.release();
    expect(await touched).toBe(true);
    expect(await store.load(ID)).toEqual({ ...record, ...moments });
    expect(await store.touch(ID, moments, NOW)).toBe(true); // later calls do not wait
  });

  it('hold() keeps a call until the test releases it: after it took effect', async () => {
    const store = await storeWithRecord();
    const held = store.hold('touch', { at: 'after' });
    const touched = store.touch(ID, moments, NOW);
    await held.reached;
    expect(await store.load(ID)).toEqual({ ...record, ...moments });
    expect(await stateOf(touched)).toBe('pending');
    held.release();
    expect(await touched).toBe(true);
  });

  it('restore() removes all faults and releases the calls that are held', async () => {
    const store = await storeWithRecord();
    store.fail('load');
    const held = store.hold('touch');
    const touched = store.touch(ID, moments, NOW);
    await held.reached;
    store.restore();
    expect(await touched).toBe(true);
    expect(await store.load(ID)).toEqual({ ...record, ...moments });
  });

  it('intercept() replaces a call by a function that can call the store', async () => {
    const store = await storeWithRecord();
    store.intercept('load', async apply => ({ ...((await apply()) as SessionRecord), meta: 'replaced' }));
    expect(await store.load(ID)).toEqual({ ...record, meta: 'replaced' });
  });

  it('times limits how many calls a fault hits', async () => {
    const store = await storeWithRecord();
    store.fail('load', { times: 2 });
    await expect(store.load(ID)).rejects.toThrow('connection lost');
    await expect(store.load(ID)).rejects.toThrow('connection lost');
    expect(await store.load(ID)).toEqual(record);
  });

  it('when limits a fault to some calls, and the others do not count', async () => {
    const store = await storeWithRecord();
    store.fail('destroy', { times: 1, when: ({ args }) => args[2] !== undefined });
    expect(await store.destroy('b'.repeat(64), NOW)).toBeUndefined();
    await expect(store.destroy(ID, NOW, { successor: ID })).rejects.toThrow('connection lost');
    expect(await store.destroy(ID, NOW, { successor: ID })).toEqual(record);
  });

  it('a fault of any verb hits every ability', async () => {
    const store = new FaultyStore();
    store.fail('any');
    for (const call of [
      () => store.load(ID),
      () => store.index?.list('ada', NOW),
      () => store.prune?.(NOW),
      () => store.ping?.(),
      () => store.open?.(),
      () => store.close?.(),
    ])
      await expect((async () => call())()).rejects.toThrow('connection lost');
  });

  it('of two faults that match a call, the first one hits it, and each can be removed on its own', async () => {
    const store = await storeWithRecord();
    const removeFirst = store.fail('load', { error: new Error('first') });
    const removeSecond = store.fail('any', { error: new Error('second') });
    await expect(store.load(ID)).rejects.toThrow('first');
    removeFirst();
    await expect(store.load(ID)).rejects.toThrow('second');
    removeSecond();
    removeSecond();
    expect(await store.load(ID)).toEqual(record);
  });
});
