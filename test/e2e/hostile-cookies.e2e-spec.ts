import { Body, Controller, Post } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import { hostileRows, prefixRows, type HostileRow, type HostileTokens } from '../support/hostile-cookies.js';
import { platforms, type Platform } from '../support/platforms.js';
import { startScriptedApp } from '../support/scripted-app.js';
import { nobody, returning, type Me } from '../support/scripted-routes.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore } from '../support/watched-store.js';
import { exchange, type WireAnswer } from '../support/wire.js';

type Anything = Session<Record<string, unknown>>;
const HOUR = 3_600_000;

@Controller()
class TargetController {
  @Post('set')
  set(@Session() session: Anything, @Body('value') value: string) {
    session.value = value;
    return { done: true };
  }

  /** Everything that a session can do, on whatever the cookie made of it. */
  @Post('exercise')
  async exercise(@Session() session: Anything) {
    session.set('key', 1);
    const seen = [session.get('key'), session.has('key'), Object.keys(session), JSON.stringify(session)];
    session.delete('key');
    session.flash('info', 'message');
    await session.save();
    await session.reload();
    seen.push(
      await session.flashes('info'),
      await session.update('count', () => 1),
      await session.take('count'),
    );
    await session.touch();
    await session.regenerate();
    await session.login('mallory');
    await session.destroy();
    return seen;
  }
}

const idOf = (token: string): string => createHash('sha256').update(token).digest('hex');
const WHOLE_LIST = hostileRows({
  alice: 'V',
  carol: 'W',
  destroyed: 'D',
  idleExpired: 'I',
  absoluteExpired: 'A',
  rotatedAway: 'R',
  otherApp: 'O',
});

/** An application with sessions of every fate, and what the rows are checked against. */
class Target {
  readonly store = new WatchedStore();
  running!: RunningApp;
  tokens!: HostileTokens;
  bob!: string;

  constructor(
    readonly platform: Platform,
    readonly name: string,
    readonly secure: boolean,
  ) {}

  async start(): Promise<void> {
    this.running = await startScriptedApp(this.platform, {
      backend: { store: this.store },
      session: { idleTimeout: '2h', absoluteTimeout: '3h', cookie: { secure: this.secure || 'auto' } },
      controllers: [TargetController],
    });
    const { clock } = this.running;
    const absoluteExpired = await this.login('absolute');
    clock.advance(0.5 * HOUR);
    const idleExpired = await this.login('idle');
    clock.advance(1 * HOUR);
    await this.me(`${this.name}=${absoluteExpired}`); // its activity is written down
    clock.advance(1.6 * HOUR);
    const other = await startScriptedApp(this.platform);
    const visitor = other.browser();
    await visitor.get(returning(({ session }) => session.login('alice')));
    const otherApp = visitor.cookies.get('sid')!;
    await other.close();
    this.tokens = {
      alice: await this.login('alice'),
      carol: await this.login('carol'),
      destroyed: await this.login('dora', ({ session }) => session.destroy()),
      rotatedAway: await this.login('rolf', ({ session }) => session.regenerate({ keep: true })),
      idleExpired,
      absoluteExpired,
      otherApp,
    };
    this.bob = await this.login('bob');
  }

  /** The token of a user who has signed in, from before what came `after`. */
  async login(user: string, after?: Parameters<typeof returning>[0]): Promise<string> {
    const browser = this.running.browser();
    await browser.get(returning(({ session }) => session.login(user)));
    const token = browser.cookies.get(this.name)!;
    if (after) await browser.get(returning(after));
    return token;
  }

  async me(cookie: string): Promise<Me> {
    return (await exchange(this.running.url, { path: '/me', cookies: [cookie] })).json<Me>();
  }

  ours(answer: WireAnswer): string[] {
    return answer.all('set-cookie').filter(line => line.startsWith(`${this.name}=`));
  }
}

/** The values in the row that would be recognised anywhere. */
const valuesOf = (row: HostileRow): string[] =>
  row.cookies
    .flatMap(cookie => cookie.split(';'))
    .map(pair => pair.slice(pair.indexOf('=') + 1).trim())
    .filter(value => value.length >= 8);

function describeRows(target: Target, rows: () => HostileRow[], list: readonly HostileRow[]): void {
  beforeAll(() => target.start());
  afterAll(() => target.running.close());

  list.forEach(({ what, expected, why }, index) => {
    it(`${what}: ${expected}${why === undefined ? '' : ` (${why})`}`, async () => {
      const row = rows()[index]!;
      const { store, running } = target;
      const { url, events, logs } = running;
      const seen = { calls: store.calls.length, events: events.length, logs: logs.length };
      const ids = new Set(store.ids);

      const read = await exchange(url, { path: '/me', cookies: row.cookies });
      const emitted = events
        .slice(seen.events)
        .filter(({ type }) => type === 'rejected' || type === 'expired');
      const readCalls = store.calls.slice(seen.calls);
      const write = await exchange(url, {
        method: 'POST',
        path: '/set',
        cookies: row.cookies,
        body: JSON.stringify({ value: String(index) }),
      });
      const newIds = [...store.ids].filter(one => !ids.has(one));

      expect(target.ours(read)).toEqual([]);
      expect(emitted.map(event => ('reason' in event ? event.reason : ''))).toEqual(row.events ?? []);
      switch (row.expected) {
        case 400:
        case 431:
          expect([read.status, write.status]).toEqual([row.expected, row.expected]);
          expect(readCalls).toEqual([]);
          expect(newIds).toEqual([]);
          break;
        case 'alice':
          expect(read.json<Me>().user).toBe('alice');
          expect(write.status).toBe(201);
          expect(target.ours(write)).toEqual([]);
          expect(newIds).toEqual([]);
          expect((await target.me(`${target.name}=${target.tokens.alice}`)).data).toEqual({
            value: String(index),
          });
          break;
        case 'ambiguous':
          expect(read.json()).toEqual(nobody);
          expect(write.status).toBe(409);
          expect(target.ours(write)).toEqual([]);
          expect(newIds).toEqual([]);
          break;
        case 'nobody':
        case 'unknown': {
          expect(read.status).toBe(200);
          expect(read.json()).toEqual(nobody);
          if (row.expected === 'nobody') expect(readCalls).toEqual([]);
          else expect(new Set(readCalls)).toEqual(new Set(['load']));
          expect(write.status).toBe(201);
          const [line = '', ...others] = target.ours(write);
          expect(others).toEqual([]);
          const token = line.slice(target.name.length + 1, line.indexOf(';'));
          expect(token).toHaveLength(43);
          expect(row.cookies.join(';')).not.toContain(token);
          expect(newIds).toEqual([idOf(token)]);
          expect(await target.me(`${target.name}=${token}`)).toEqual({
            user: null,
            data: { value: String(index) },
          });
          const exercise = await exchange(url, { method: 'POST', path: '/exercise', cookies: row.cookies });
          expect(exercise.status).toBe(201);
          // destroy() clears a cookie of our name, well-formed or not, and no other.
          const wasBrought = row.events !== undefined;
          expect(target.ours(exercise)).toHaveLength(wasBrought ? 1 : 0);
          for (const cleared of target.ours(exercise)) expect(cleared).toContain('=; Max-Age=0');
          break;
        }
      }
      expect((await target.me(`${target.name}=${target.bob}`)).user).toBe('bob');
      const said = [
        read.head,
        read.body,
        write.head,
        write.body,
        JSON.stringify(events.slice(seen.events)),
        logs.slice(seen.logs).join('\n'),
      ].join('\n');
      for (const value of valuesOf(row)) expect(said.includes(value)).toBe(false);
      expect(Object.keys(Object.prototype)).toEqual([]);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    });
  });
}

describe.each(platforms)('hostile cookies on $name', platform => {
  const target = new Target(platform, 'sid', false);
  describeRows(target, () => hostileRows(target.tokens), WHOLE_LIST);
});

describe.each(platforms)('confusing prefixes on $name', platform => {
  const target = new Target(platform, '__Host-sid', true);
  describeRows(target, () => prefixRows(target.tokens), prefixRows({ alice: 'V', carol: 'W' }));
});
