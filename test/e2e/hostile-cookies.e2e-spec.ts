import { Body, Controller, Post } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import { HOUR } from '../support/durations.js';
import {
  hostileRows,
  prefixRows,
  type Expected,
  type HostileRow,
  type HostileTokens,
} from '../support/hostile-cookies.js';
import { platforms, type Platform } from '../support/platforms.js';
import { NO_SESSION, returning, startScriptedApp, visitor, type Me } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore } from '../support/watched-store.js';
import { exchange, type WireAnswer } from '../support/wire.js';

type Anything = Session<Record<string, unknown>>;

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
    const otherApp = (await visitor(other, {}, 'alice')).cookies.get('sid')!;
    await other.close();
    this.tokens = {
      alice: await this.login('alice'),
      carol: await this.login('carol'),
      destroyed: await this.login('dora', session => session.destroy()),
      rotatedAway: await this.login('rolf', session => session.regenerate({ keep: true })),
      idleExpired,
      absoluteExpired,
      otherApp,
    };
    this.bob = await this.login('bob');
  }

  /** The token of a user who has signed in, from before what came `after`. */
  async login(user: string, after?: Parameters<typeof returning>[0]): Promise<string> {
    const browser = this.running.browser();
    await browser.get(returning(session => session.login(user)));
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

/** What came of one row: a request that reads with its cookies, then one that writes. */
interface Attempt {
  readonly row: HostileRow;
  readonly written: string;
  readonly read: WireAnswer;
  readonly write: WireAnswer;
  /** What the read asked of the store. */
  readonly readCalls: readonly string[];
  /** The reasons of the `rejected` and `expired` events of the read. */
  readonly reasons: readonly string[];
  /** The ids that the store met for the first time. */
  readonly newIds: readonly string[];
  /** Everything that left the application: the answers, its events and its log. */
  readonly said: string;
}

async function attempt(target: Target, row: HostileRow, written: string): Promise<Attempt> {
  const { store, running } = target;
  const { url, events, logs } = running;
  const before = { calls: store.calls.length, events: events.length, logs: logs.length };
  const knownIds = new Set(store.ids);
  const read = await exchange(url, { path: '/me', cookies: row.cookies });
  const readCalls = store.calls.slice(before.calls);
  const reasons = events
    .slice(before.events)
    .filter(({ type }) => type === 'rejected' || type === 'expired')
    .map(event => ('reason' in event ? event.reason : ''));
  const body = JSON.stringify({ value: written });
  const write = await exchange(url, { method: 'POST', path: '/set', cookies: row.cookies, body });
  const said = [
    ...[read.head, read.body, write.head, write.body],
    ...[JSON.stringify(events.slice(before.events)), ...logs.slice(before.logs)],
  ].join('\n');
  const newIds = [...store.ids].filter(id => !knownIds.has(id));
  return { row, written, read, write, readCalls, reasons, newIds, said };
}

/** The values in the row that would be recognised anywhere. */
const valuesOf = (row: HostileRow): string[] =>
  row.cookies
    .flatMap(cookie => cookie.split(';'))
    .map(pair => pair.slice(pair.indexOf('=') + 1).trim())
    .filter(value => value.length >= 8);

/** Holds for every row. */
async function expectNoHarm(target: Target, { row, read, reasons, said }: Attempt): Promise<void> {
  expect(target.ours(read)).toEqual([]);
  expect(reasons).toEqual(row.events ?? []);
  expect((await target.me(`${target.name}=${target.bob}`)).user).toBe('bob');
  for (const value of valuesOf(row)) expect(said.includes(value)).toBe(false);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
}

function expectRefusedByNode({ row, read, write, readCalls, newIds }: Attempt): void {
  expect([read.status, write.status]).toEqual([row.expected, row.expected]);
  expect(readCalls).toEqual([]);
  expect(newIds).toEqual([]);
}

async function expectSessionOfAlice(
  target: Target,
  { read, write, written, newIds }: Attempt,
): Promise<void> {
  expect(read.json<Me>().user).toBe('alice');
  expect(write.status).toBe(201);
  expect(target.ours(write)).toEqual([]);
  expect(newIds).toEqual([]);
  expect((await target.me(`${target.name}=${target.tokens.alice}`)).data).toEqual({ value: written });
}

function expectAmbiguous(target: Target, { read, write, newIds }: Attempt): void {
  expect(read.json()).toEqual(NO_SESSION);
  expect(write.status).toBe(409);
  expect(target.ours(write)).toEqual([]);
  expect(newIds).toEqual([]);
}

/** The read is empty, the write begins a session of its own, and that session can do everything. */
async function expectNoSession(target: Target, attempt: Attempt): Promise<void> {
  const { row, read, write, written, newIds } = attempt;
  expect(read.status).toBe(200);
  expect(read.json()).toEqual(NO_SESSION);
  expect(write.status).toBe(201);
  const [line = '', ...others] = target.ours(write);
  expect(others).toEqual([]);
  const token = line.slice(target.name.length + 1, line.indexOf(';'));
  expect(token).toHaveLength(43);
  expect(row.cookies.join(';')).not.toContain(token);
  expect(newIds).toEqual([idOf(token)]);
  expect(await target.me(`${target.name}=${token}`)).toEqual({ user: null, data: { value: written } });
  const exercise = await exchange(target.running.url, {
    method: 'POST',
    path: '/exercise',
    cookies: row.cookies,
  });
  expect(exercise.status).toBe(201);
  // destroy() clears a cookie of our name, well-formed or not, and no other.
  expect(target.ours(exercise)).toHaveLength(row.events === undefined ? 0 : 1);
  for (const cleared of target.ours(exercise)) expect(cleared).toContain('=; Max-Age=0');
}

function describeRows(target: Target, rows: () => HostileRow[], list: readonly HostileRow[]): void {
  beforeAll(() => target.start());
  afterAll(() => target.running.close());

  /** A test of each row that leads to this. `list` has the rows' titles; `rows()` has their tokens, once there are any. */
  const each = (expected: Expected, title: string, check: (attempt: Attempt) => Promise<void> | void): void =>
    list.forEach((row, index) => {
      if (row.expected !== expected) return;
      it(`${row.what}: ${title}${row.why === undefined ? '' : ` (${row.why})`}`, async () => {
        const made = await attempt(target, rows()[index]!, String(index));
        expect(made.row.expected).toBe(expected);
        await check(made);
        await expectNoHarm(target, made);
      });
    });

  each(400, 'refused by Node with 400', expectRefusedByNode);
  each(431, 'refused by Node with 431', expectRefusedByNode);
  each('alice', "Alice's session", made => expectSessionOfAlice(target, made));
  each('ambiguous', 'ambiguous, so reads are empty and writes are refused', made =>
    expectAmbiguous(target, made),
  );
  each('ignored', 'no session, and the store is not asked', async made => {
    expect(made.readCalls).toEqual([]);
    await expectNoSession(target, made);
  });
  each('unknown', 'no session after the store was asked', async made => {
    expect(new Set(made.readCalls)).toEqual(new Set(['load']));
    await expectNoSession(target, made);
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
