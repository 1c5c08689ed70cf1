import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newSid } from '../../lib/crypto/session-id.js';
import { platforms } from '../support/platforms.js';
import { me, NO_SESSION, startScriptedApp, visitor, type Me } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore } from '../support/watched-store.js';
import { exchange } from '../support/wire.js';

// What one header can be is in hostile-cookies; here is what a flood of them costs.

/** As many pairs as fit into the 16 KiB that Node takes. */
const full = (pair: () => string): string => {
  const pairs: string[] = [];
  for (let length = 0; length < 15_500; length += pairs.at(-1)!.length + 2) pairs.push(pair());
  return pairs.join('; ');
};

const BOMBS: [string, () => string, number][] = [
  ['thousands of empty neighbours', () => full(() => 'a='), 0],
  ['separators', () => ';'.repeat(15_500), 0],
  ['thousands of values that are no tokens', () => full(() => 'sid=x'), 0],
  ['hundreds of tokens that might be good', () => full(() => `sid=${newSid()}`), 4],
];

describe.each(platforms)('a flood of cookies on $name', platform => {
  const store = new WatchedStore();
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { backend: { store } });
  });
  afterAll(() => running.close());

  it.each(BOMBS)(
    '%s: no session, no error, and at most four loads from the store',
    async (_, bomb, reads) => {
      store.calls.length = 0;
      const answer = await exchange(running.url, { path: '/me', cookies: [bomb()] });
      expect(answer.status).toBe(200);
      expect(answer.json<Me>()).toEqual(NO_SESSION);
      expect(answer.all('set-cookie')).toEqual([]);
      expect(store.calls).toEqual(Array(reads).fill('load'));
    },
  );

  it('two hundred among normal traffic: all other requests are served', async () => {
    const alice = await visitor(running, {}, 'alice');
    const bombs = Array.from({ length: 50 }, () =>
      BOMBS.map(([, bomb]) => exchange(running.url, { path: '/me', cookies: [bomb()] })),
    ).flat();
    for (let i = 0; i < 20; i++) expect((await me(alice)).user).toBe('alice');
    for (const { status } of await Promise.all(bombs)) expect(status).toBe(200);
    expect(store.ids.size).toBe(1);
  });

  it('more than Node takes is 431 before anything of ours begins', async () => {
    const seen = [store.calls.length, running.events.length];
    const answer = await exchange(running.url, { path: '/me', cookies: [`sid=${'x'.repeat(17_000)}`] });
    expect(answer.status).toBe(431);
    expect([store.calls.length, running.events.length]).toEqual(seen);
  });

  it('many header lines are the same as one long one', async () => {
    const alice = await visitor(running, {}, 'alice');
    const pairs = [...Array.from({ length: 800 }, (_, i) => `a${i}=1`), alice.cookie, 'sid=not-a-token'];
    const answers = [];
    for (const cookies of [pairs, [pairs.join('; ')]]) {
      const since = running.events.length;
      store.calls.length = 0;
      const answer = await exchange(running.url, { path: '/me', cookies });
      answers.push({ me: answer.json<Me>(), calls: [...store.calls], events: running.events.slice(since) });
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toEqual({
      me: { user: 'alice', data: {} },
      calls: ['load'],
      events: [{ type: 'rejected', reason: 'malformed' }],
    });
  });
});
