import { afterAll, beforeAll, expect, it } from 'vitest';
import { idOf, newSid } from '../../lib/crypto/session-id.js';
import type { IndexedSessionStore, SessionRecord, SessionStore } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { DAY } from '../support/durations.js';
import { me, NO_SESSION, returning, startScriptedApp, visitor } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';

const indexOf = (store: SessionStore & Partial<IndexedSessionStore>) => store.index;

describeCells(
  'records of other versions of this library, in the same store,',
  backends,
  ({ platform, backend }) => {
    let running: RunningApp;
    beforeAll(async () => {
      running = await startScriptedApp(platform, { backend });
    });
    afterAll(() => running.close());

    /** A browser with a session that a process of another version has made. */
    async function foreign(version: number) {
      const sid = newSid();
      const now = running.clock.now();
      const record: SessionRecord = {
        meta: JSON.stringify({
          v: version,
          createdAt: now,
          endsAt: now + DAY,
          user: 'alice',
          loggedInAt: now,
        }),
        data: { 'd:cart': '["tea"]', 'd:new': '{"$later":"an escape that we do not know"}' },
        expiresAt: now + DAY,
        lastSeenAt: now,
      };
      expect(await running.store.create(idOf(sid), record)).toBe(true);
      const browser = running.browser();
      browser.cookies.set('sid', sid);
      const loaded = () => running.store.load(idOf(sid));
      return { browser, id: idOf(sid), record, loaded, since: running.events.length };
    }

    it.each([0, 2, 999])(
      'a record of version %i is not a session, is reported, and is kept as it is',
      async version => {
        const { browser, id, record, loaded, since } = await foreign(version);
        expect(await me(browser)).toEqual(NO_SESSION);
        expect(running.events.slice(since)).toEqual([{ type: 'rejected', reason: 'broken', id }]);
        expect(browser.cookies.get('sid')).toBeDefined(); // a newer process may serve the next request
        await running.sessions.prune();
        expect(await loaded()).toEqual(record);
      },
    );

    it('it is not taken over, listed or revoked with the sessions of its user', async () => {
      const { browser, id, record, loaded } = await foreign(999);
      const old = browser.cookies.get('sid');
      await indexOf(running.store)?.add('alice', id, record.expiresAt, record.lastSeenAt);
      const alice = await visitor(running, {}, 'alice');
      const listed = await running.sessions.listByUser('alice');
      expect(listed).toHaveLength(1);
      expect(await running.sessions.get(id)).toBeUndefined();
      expect(await running.sessions.revoke(id, { userId: 'alice' })).toBe(false);
      expect(await loaded()).toEqual(record);
      await browser.get(returning(session => void (session.cart = ['cake'])));
      expect(browser.cookies.get('sid')).not.toBe(old);
      expect(await loaded()).toEqual(record);
      expect((await me(alice)).user).toBe('alice');
    });

    it('a logout and a revoke of all do end it: no user must stay signed in elsewhere', async () => {
      const first = await foreign(999);
      await first.browser.get(returning(session => session.destroy()));
      expect(await first.loaded()).toBeUndefined();
      expect(first.browser.cookies.has('sid')).toBe(false);
      const second = await foreign(999);
      await indexOf(running.store)?.add(
        'alice',
        second.id,
        second.record.expiresAt,
        second.record.lastSeenAt,
      );
      await running.sessions.revokeByUser('alice');
      expect(await second.loaded()).toBeUndefined();
    });

    it('what a later release adds to version 1 changes nothing for us, and stays', async () => {
      const sid = newSid();
      const now = running.clock.now();
      const meta = JSON.stringify({
        v: 1,
        createdAt: now,
        endsAt: now + DAY,
        user: 'alice',
        device: 'phone',
      });
      const data = { 'd:cart': '["tea"]', 'd:new': '{"$later":"an escape that we do not know"}' };
      await running.store.create(idOf(sid), { meta, data, expiresAt: now + DAY, lastSeenAt: now });
      const browser = running.browser();
      browser.cookies.set('sid', sid);
      await browser.get(returning(session => void (session.n = 1)));
      expect(await me(browser)).toEqual({ user: 'alice', data: { cart: ['tea'], n: 1 } }); // `new` reads as undefined
      expect(await running.store.load(idOf(sid))).toMatchObject({ meta, data: { ...data, 'd:n': '1' } });
    });
  },
);
