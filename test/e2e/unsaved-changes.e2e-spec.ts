import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { MINUTE } from '../support/durations.js';
import type { FaultyStore } from '../../lib/testing/index.js';
import { answering, me, passing, returning, startScriptedApp, visitor } from '../support/scripts.js';
import { faultyPlace, type FaultyPlace } from '../support/shared-backends.js';
import type { RunningApp } from '../support/start-app.js';

describeCells('changes that are being saved, or that were dropped,', backends, ({ platform, backend }) => {
  let place: FaultyPlace;
  let store: FaultyStore;
  let running: RunningApp;
  beforeAll(async () => {
    place = await faultyPlace(backend);
    ({ store } = place);
    running = await startScriptedApp(platform, {
      backend: place.options,
      session: { cookie: { maxAge: '1h' } },
    });
  });
  afterEach(() => store.restore());
  afterAll(async () => {
    await running.close();
    await place.dispose();
  });

  it('an assignment during a save stays a change, even if the response closes in between', async () => {
    const browser = await visitor(running, { n: 0 });
    const path = answering(async (session, { raw }) => {
      session['n'] = 1; // a look, so that the head is held, and a change that is saved before the head leaves
      const closed = new Promise(resolve => raw.once('close', resolve));
      raw.end('sent');
      await closed;
      const held = store.hold('update');
      session['n'] = 2;
      const first = session.save();
      await held.reached;
      session['n'] = 3;
      const looked = session['n']; // a late look, which checks for unsaved changes
      await new Promise(resolve => setImmediate(resolve));
      held.release();
      await first;
      await session.save();
      done(looked);
    });
    let done!: (looked: unknown) => void;
    const finished = new Promise(resolve => (done = resolve));
    await browser.get(path);
    expect(await finished).toBe(3);
    expect((await me(browser)).data).toEqual({ n: 3 });
  });

  it('a take() waits for a save() that was started before it: the key is spent', async () => {
    const browser = await visitor(running, { other: 1 });
    const { text } = await browser.get(
      returning(async session => {
        session['token'] = 'once';
        const held = store.hold('update', { times: 1 });
        const saved = session.save();
        await held.reached;
        const taken = session.take('token');
        await new Promise(resolve => setImmediate(resolve));
        held.release();
        await saved;
        return taken;
      }),
    );
    expect(text).toBe('once');
    expect((await me(browser)).data).toEqual({ other: 1 });
  });

  it('a change that a failed request dropped is not reported as late when a logger reads the session', async () => {
    const browser = await visitor(running, { n: 0 });
    const before = running.events.length;
    let closed: Promise<unknown> | undefined;
    const answer = await browser.get(
      passing((session, { raw }) => {
        raw.once('finish', () => void session.loggedInAs);
        closed = new Promise(resolve => raw.once('close', resolve));
        session['n'] = 1;
        throw new Error('failed');
      }),
    );
    expect(answer.status).toBe(500);
    await closed;
    await new Promise(resolve => setImmediate(resolve));
    expect(running.events.slice(before).filter(event => event.type === 'rejected')).toEqual([]);
    expect((await me(browser)).data).toEqual({ n: 0 });
  });

  it('a failed request does not renew a cookie that another tab may have replaced', async () => {
    const browser = await visitor(running, { n: 0 });
    running.clock.advance(10 * MINUTE);
    const answer = await browser.get(
      returning(async session => {
        await session.update('n', (n = 0) => Number(n) + 1);
        throw new Error('failed after its update');
      }),
    );
    expect([answer.status, answer.setCookies]).toEqual([500, []]);
    expect((await me(browser)).data).toEqual({ n: 1 });
  });
});
