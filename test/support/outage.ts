import { setTimeout as wait } from 'node:timers/promises';
import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { expect, vi } from 'vitest';
import { Session, type SessionModuleOptions } from '../../lib/index.js';
import type { Browser } from './browser.js';
import { KeepAliveLoad, type LoadAnswer, type LoadRequest } from './keep-alive-load.js';
import type { Platform } from './platforms.js';
import { startApp } from './start-app.js';

const STORE_TIMEOUT_MS = 600;
/** How late something may be on a busy machine. A hang takes far longer. */
const GENEROUS_MS = 2_000;
const RECOVERY_MS = 2_000;
const OUTAGE_MS = 3_000;
const CONNECTIONS = 40;
/** How many of the connections have a session. */
const SIGNED_IN = 24;

/** How a database fails and returns. */
export interface Outage {
  begin(): unknown;
  /** Resolves when the database has returned. */
  end(): unknown;
}

/** The request of a connection, and the user who sends it. */
export interface Asked extends LoadRequest {
  /** `untouched`: with a cookie, to a handler that does not use the session. `visitor`: without a cookie. */
  readonly kind: 'read' | 'write' | 'untouched' | 'visitor';
  readonly user: string;
}
type Answered = LoadAnswer<Asked>;

type Counted = Session<{ count?: number }>;

@Controller()
export class Counters {
  @Post('login/:user')
  async login(@Session() session: Counted, @Param('user') user: string) {
    await session.login(user);
  }

  @Get('read')
  read(@Session() session: Counted) {
    return { user: session.loggedInAs ?? null, count: session.count ?? 0 };
  }

  @Post('write')
  @HttpCode(200)
  async write(@Session() session: Counted) {
    const count = await session.update('count', (count = 0) => count + 1);
    return { user: session.loggedInAs ?? null, count };
  }

  @Get('plain')
  plain() {
    return 'plain';
  }
}

/**
 * Runs an application under load while its database fails for three seconds and returns. Checks all responses, and
 * fails if one of them is worse than an outage allows.
 */
export async function expectToSurvive(
  outage: Outage,
  platform: Platform,
  backend: SessionModuleOptions,
): Promise<void> {
  const complaints: unknown[] = [];
  const complain = (complaint: unknown): void => void complaints.push(complaint);
  const signals = ['warning', 'unhandledRejection', 'uncaughtExceptionMonitor'] as const;
  for (const signal of signals) process.on(signal as 'warning', complain);
  const session = { storeTimeout: STORE_TIMEOUT_MS };
  const running = await startApp({ platform, backend, session, controllers: [Counters] });
  const load = new KeepAliveLoad(running.url, await signedIn(running.browser));
  try {
    await wait(500);
    const goneAt = performance.now();
    await outage.begin();
    await wait(OUTAGE_MS);
    await outage.end();
    const backAt = performance.now();
    const byKind = (...kinds: Asked['kind'][]) =>
      load.answers.filter(({ request }) => kinds.includes(request.kind));
    const served = () =>
      byKind('read', 'write').filter(({ status, answeredAt }) => status === 200 && answeredAt > backAt);
    await vi.waitFor(() => expect(usersOf(served())).toBe(SIGNED_IN), RECOVERY_MS + GENEROUS_MS);
    await load.stop();
    expect(served()[0]!.answeredAt - backAt).toBeLessThan(RECOVERY_MS);

    expect(load.errors, 'requests without an answer').toEqual([]);
    const visitors = byKind('visitor');
    const bound = STORE_TIMEOUT_MS + GENEROUS_MS + longest(visitors); // visitors wait for the machine only
    const untouched = byKind('untouched');
    expect(statusesOf([...visitors, ...untouched])).toEqual(new Set([200]));
    expectRest(
      untouched.filter(({ askedAt, answeredAt }) => askedAt > goneAt && answeredAt < backAt),
      bound,
    );

    const withSession = byKind('read', 'write');
    expect(statusesOf(withSession)).toEqual(new Set([200, 503]));
    expectNobodyLoggedOut(withSession);
    expectRest(
      withSession.filter(({ status }) => status === 503),
      bound,
    );
    expect(complaints).toEqual([]);
  } finally {
    await load.stop();
    await running.close();
    for (const signal of signals) process.off(signal as 'warning', complain);
  }
}

/** The requests of the connections. Most of them belong to a signed-in user, each with a session of their own. */
async function signedIn(browser: () => Browser): Promise<Asked[]> {
  const kinds: Asked['kind'][] = ['read', 'read', 'write', 'untouched', 'visitor'];
  const paths = { read: '/read', write: '/write', untouched: '/plain', visitor: '/plain' };
  return Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, i): Promise<Asked> => {
      const kind = kinds[i % kinds.length]!;
      const user = `user ${i}`;
      const theirs = browser();
      if (kind !== 'visitor') await theirs.post(`/login/${user}`);
      return {
        kind,
        user,
        path: paths[kind],
        method: kind === 'write' ? 'POST' : 'GET',
        cookie: theirs.cookie,
      };
    }),
  );
}

/** A successful response shows the user's own session with every acknowledged change. No response sets a cookie. */
export function expectNobodyLoggedOut(answers: readonly Answered[]): void {
  const acknowledged = new Map<string, number>();
  for (const { request, status, text, setCookies } of answers) {
    expect(setCookies).toEqual([]);
    if (status !== 200) continue;
    const { user, count } = JSON.parse(text) as { user: string | null; count: number };
    expect(user).toBe(request.user);
    expect(count).toBeGreaterThanOrEqual(acknowledged.get(request.user) ?? 0);
    acknowledged.set(request.user, count);
  }
}

/** No response takes longer than the deadline. In the second after the first timeout almost all fail at once. */
function expectRest(answers: readonly Answered[], boundMs: number): void {
  expect(longest(answers)).toBeLessThan(boundMs);
  const missed = answers.filter(({ tookMs }) => tookMs >= STORE_TIMEOUT_MS);
  const missedAt = Math.min(...missed.map(({ answeredAt }) => answeredAt));
  const resting = ({ askedAt }: Answered): boolean => askedAt > missedAt && askedAt < missedAt + 800;
  const asked = missed.length === 0 ? answers : answers.filter(resting);
  expect(asked.length).toBeGreaterThan(20);
  const atOnce = asked.filter(({ tookMs }) => tookMs < STORE_TIMEOUT_MS / 2);
  expect(atOnce.length / asked.length).toBeGreaterThan(0.8);
}

export function statusesOf(answers: readonly Answered[]): Set<number> {
  return new Set(answers.map(({ status }) => status));
}

function usersOf(answers: readonly Answered[]): number {
  return new Set(answers.map(({ request }) => request.user)).size;
}

export function longest(answers: readonly Answered[]): number {
  return Math.max(...answers.map(({ tookMs }) => tookMs));
}
