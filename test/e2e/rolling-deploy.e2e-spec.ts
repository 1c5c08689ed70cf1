import { afterAll, beforeAll, expect, it } from 'vitest';
import { idOf, newSid } from '../../lib/crypto/session-id.js';
import { outsideBackends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { stage } from '../support/stage.js';
import { startApp, type RunningApp } from '../support/start-app.js';

const HOUR = 3_600_000;

describeCells('beside a version that writes other records', outsideBackends, ({ platform, backend }) => {
  const { play, ...scene } = stage();
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend, ...scene });
  });
  afterAll(() => running.close());

  /** A browser that the other version signed in. */
  async function signedIn(version: unknown) {
    const sid = newSid();
    const id = idOf(sid);
    const now = Date.now();
    const meta = {
      v: version,
      createdAt: now,
      endsAt: now + HOUR,
      user: 'alice',
      loggedInAt: now,
      more: [1],
    };
    const record = {
      meta: JSON.stringify(meta),
      data: { 'd:cart': '["pear"]', 'z:unknown': 'x' },
      expiresAt: now + HOUR,
      lastSeenAt: now,
    };
    expect(await running.store.create(id, record)).toBe(true);
    const browser = running.browser();
    browser.cookies.set('sid', sid);
    return { browser, id, record };
  }

  it.each([0, 2, 999, '1', null])(
    'a record of version %s is no session here, and is there unchanged for the version that knows it (FLT-59)',
    async version => {
      const { browser, id, record } = await signedIn(version);
      const { answer, value } = await play(browser, session => [session.loggedInAs, { ...session }]);
      expect(answer.status).toBe(201);
      expect(answer.setCookies, 'its cookie is of use elsewhere').toEqual([]);
      expect(value).toEqual([undefined, {}]);
      expect(running.events.at(-1)).toEqual({ type: 'rejected', reason: 'broken', id });
      await play(browser.copy(), session => void (session.cart = ['apple']));
      await play(browser.copy(), session => session.login('alice'));
      expect(await running.store.load(id)).toEqual(record);
    },
  );

  it('a logout here ends it there (FLT-59)', async () => {
    const { browser, id } = await signedIn(2);
    const { answer } = await play(browser, session => session.destroy());
    expect(answer.status).toBe(201);
    expect(browser.cookies.size).toBe(0);
    expect(await running.store.load(id)).toBeUndefined();
  });

  it('it is not listed here, and revoking all sessions of its user ends it (FLT-59)', async () => {
    const { id } = await signedIn(2);
    const { index } = running.store as unknown as { index: { add(...entry: unknown[]): Promise<void> } };
    await index.add('zoe', id, Date.now() + HOUR, Date.now());
    expect(await running.sessions.listByUser('zoe')).toEqual([]);
    expect(await running.sessions.revokeByUser('zoe')).toBe(1);
    expect(await running.store.load(id)).toBeUndefined();
  });
});
