import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import { StoreRefusedError } from '../../store/store-refused.error.js';
import type { Awaitable, SessionStore } from '../../store/session-store.js';
import { assertRecord, DAY, indexOf, prune, recordAt, updateAt, type StoreCase } from './store-case.js';

/** How long a store may take to notice that its backend is back, and how often the case asks. */
const RECOVERY_MS = 10_000;
const ASK_AGAIN_MS = 10;

/** Asserts that a call rejects with an `Error`, and returns it. */
async function errorOf(what: string, call: () => Awaitable<unknown>): Promise<Error> {
  let answer: unknown;
  try {
    answer = await call();
  } catch (error) {
    assert.ok(isNativeError(error), `${what} failed with something that is no Error`);
    return error;
  }
  return assert.fail(`${what} returned ${JSON.stringify(answer) ?? 'undefined'} instead of failing`);
}

/** The errors of the five methods, called at the same time for one id: a driver may wait a while for its backend. */
function errorsOf(store: SessionStore, id: string, now: number): Promise<Error[]> {
  return Promise.all([
    errorOf('load', () => store.load(id)),
    errorOf('create', () => store.create(id, recordAt(now))),
    errorOf('update', () => store.update(id, updateAt(now, { set: { 'd:a': '1' } }), now)),
    errorOf('update with an expectation', () =>
      store.update(id, updateAt(now, { expect: { 'd:a': null } }), now),
    ),
    errorOf('touch', () => store.touch(id, { expiresAt: now + DAY, lastSeenAt: now }, now)),
    errorOf('destroy with a successor', () => store.destroy(id, now, { successor: id })),
    errorOf('destroy', () => store.destroy(id, now)),
  ]);
}

function assertRefusal(error: Error): void {
  assert.ok(error instanceof StoreRefusedError, `no StoreRefusedError: ${error.message}`);
}

/** Asks until the store does not fail any more, at most for ten seconds of real time. */
async function recovered<T>(call: () => Awaitable<T>): Promise<T> {
  for (let waited = 0; ; waited += ASK_AGAIN_MS) {
    try {
      return await call();
    } catch (error) {
      if (waited >= RECOVERY_MS) throw error;
    }
    await wait(ASK_AGAIN_MS);
  }
}

export const faultsCases: readonly StoreCase[] = [
  {
    name: 'if the backend cannot be reached, each of the five methods rejects: a fault is never reported as an absent record',
    needs: ['outage'],
    async run({ store, stores, now, id }) {
      await store.create(id('a'), recordAt(now));
      await stores.duringOutage(async () => {
        await Promise.all(['a', 'unknown'].map(label => errorsOf(store, id(label), now)));
      });
    },
  },
  {
    name: 'after an outage the store works again without a new start, and its records are unchanged',
    needs: ['outage'],
    async run({ store, stores, now, id }) {
      await store.create(id('a'), recordAt(now));
      await stores.duringOutage(async () => void (await errorOf('load', () => store.load(id('a')))));
      assertRecord(await recovered(() => store.load(id('a'))), recordAt(now));
      assert.equal(await store.update(id('a'), updateAt(now, { set: { 'd:a': '1' } }), now), 'done');
    },
  },
  {
    name: 'a string that is not an id is answered without a call to the backend, so also if the backend cannot be reached',
    needs: ['outage'],
    async run({ store, stores, now }) {
      await stores.duringOutage(async () => {
        for (const nonId of ['', 'x', 'A'.repeat(64), '../x']) {
          assert.equal(await store.load(nonId), undefined);
          assert.equal(await store.update(nonId, updateAt(now), now), 'gone');
          assert.equal(await store.touch(nonId, { expiresAt: now + DAY, lastSeenAt: now }, now), false);
          assert.equal(await store.destroy(nonId, now), undefined);
          await assert.rejects(async () => store.create(nonId, recordAt(now)), TypeError);
        }
      });
    },
  },
  {
    name: 'if the backend cannot be reached, each method of the index rejects: a fault is never reported as an absent entry',
    needs: ['outage', 'index'],
    async run({ store, stores, now, id, user }) {
      const index = indexOf(store);
      await index.add(user('u'), id('a'), now + DAY, now);
      await stores.duringOutage(async () => {
        await Promise.all([
          errorOf('index.list', () => index.list(user('u'), now)),
          errorOf('index.confirm', () => index.confirm(user('u'), id('a'))),
          errorOf('index.add', () => index.add(user('u'), id('b'), now + DAY, now)),
          errorOf('index.remove', () => index.remove(user('u'), [id('a')])),
        ]);
      });
      assert.deepEqual([...(await recovered(() => index.list(user('u'), now)))], [id('a')]);
    },
  },
  {
    name: 'if the backend cannot be reached, prune rejects',
    needs: ['outage', 'prune'],
    async run({ store, stores, now, id }) {
      await store.create(id('a'), recordAt(now));
      await stores.duringOutage(async () => void (await errorOf('prune', () => prune(store, now + DAY))));
    },
  },
  {
    name: 'ping resolves if the backend can be used, and rejects with the cause if it cannot be reached',
    needs: ['outage', 'ping'],
    async run({ store, stores }) {
      await store.ping?.();
      await stores.duringOutage(async () => void (await errorOf('ping', () => store.ping?.())));
      await recovered(() => store.ping?.());
    },
  },
  {
    name: 'if the backend cannot be reached at the start, open rejects, but not with StoreRefusedError, and the store connects later',
    needs: ['outage', 'open', 'peer'],
    async run({ store, stores, now, id }) {
      await store.create(id('a'), recordAt(now));
      const late = await stores.makeUnopened();
      await stores.duringOutage(async () => {
        const error = await errorOf('open', () => late.open?.());
        assert.ok(
          !(error instanceof StoreRefusedError),
          'StoreRefusedError: the application would never start',
        );
      });
      assertRecord(await recovered(() => late.load(id('a'))), recordAt(now));
    },
  },
  {
    name: 'on a full backend create rejects, and load, touch and destroy work: touch never writes data',
    needs: ['full'],
    async run({ store, stores, now, id }) {
      await store.create(id('a'), recordAt(now));
      const moments = { expiresAt: now + DAY, lastSeenAt: now + 1 };
      await stores.whileFull(async () => {
        await errorOf('create', () => store.create(id('b'), recordAt(now)));
        assertRecord(await store.load(id('a')), recordAt(now));
        assert.equal(await store.touch(id('a'), moments, now), true);
        assertRecord(await store.destroy(id('a'), now), recordAt(now, moments));
      });
      assert.equal(await store.load(id('b')), undefined);
      assert.equal(await store.create(id('a'), recordAt(now)), true);
    },
  },
  {
    name: 'if the backend refuses, each of the five methods rejects with StoreRefusedError',
    needs: ['refused'],
    async run({ stores, now, id }) {
      const store = await stores.makeRefused();
      for (const error of await errorsOf(store, id('a'), now)) assertRefusal(error);
    },
  },
  {
    name: 'if the backend refuses, open rejects with StoreRefusedError',
    needs: ['refused', 'open'],
    async run({ stores }) {
      const store = await stores.makeRefused();
      assertRefusal(await errorOf('open', () => store.open?.()));
    },
  },
  {
    name: 'if the backend refuses, ping rejects with the cause',
    needs: ['refused', 'ping'],
    async run({ stores }) {
      const store = await stores.makeRefused();
      await errorOf('ping', () => store.ping?.());
    },
  },
  {
    name: 'if the backend refuses, each method of the index rejects',
    needs: ['refused', 'index'],
    async run({ stores, now, id, user }) {
      const index = indexOf(await stores.makeRefused());
      await Promise.all([
        errorOf('index.list', () => index.list(user('u'), now)),
        errorOf('index.confirm', () => index.confirm(user('u'), id('a'))),
        errorOf('index.add', () => index.add(user('u'), id('a'), now + DAY, now)),
        errorOf('index.remove', () => index.remove(user('u'), [id('a')])),
      ]);
    },
  },
];
