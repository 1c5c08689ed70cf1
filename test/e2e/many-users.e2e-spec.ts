import { Controller, Get, Inject, Injectable, Param, Post } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { getSession, Session, Sessions } from '../../lib/index.js';
import { memory, outsideBackends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeCells, type Cell } from '../support/cells.js';
import { startScriptedApp } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { Wire } from '../support/wire.js';

const USERS = 200;

interface Data {
  secret: string;
  seen: string[];
}

/** Holds requests back and lets them go in another order, the same in every run. */
class Shuffle {
  readonly #waiting: (() => void)[] = [];
  #seed = 42;

  async pass(): Promise<void> {
    const passed = new Promise<void>(resolve => this.#waiting.push(resolve));
    setImmediate(() => this.#release());
    return passed;
  }

  #release(): void {
    this.#seed = (this.#seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    const [resolve] = this.#waiting.splice(this.#seed % this.#waiting.length, 1);
    resolve?.();
  }
}

const shuffle = new Shuffle();

/** Knows nothing of requests: it finds the session by the running code alone. */
@Injectable()
class WhoAmI {
  constructor(@Inject(Sessions) readonly sessions: Sessions) {}

  async user(): Promise<string | undefined> {
    await shuffle.pass();
    return (await this.sessions.current()).loggedInAs;
  }
}

@Controller()
class CrowdController {
  constructor(@Inject(WhoAmI) readonly whoAmI: WhoAmI) {}

  @Post('login/:user')
  async login(@Param('user') user: string, @Session() session: Session<Data>) {
    await shuffle.pass();
    session.secret = `of ${user}`;
    await session.login(user);
  }

  @Get('work/:request')
  async work(@Param('request') request: string, @Session() session: Session<Data>) {
    const before = session.secret;
    await shuffle.pass();
    await session.update('seen', (seen = []) => [...seen, request]);
    await shuffle.pass();
    const current = await this.whoAmI.user();
    await shuffle.pass();
    return { user: session.loggedInAs, current, before, after: session.secret, id: session.id };
  }
}

interface Work {
  user: string;
  current: string;
  before: string;
  after: string;
  id: string;
}

const crowd =
  (requests: number) =>
  ({ platform, backend }: Cell) => {
    let running: RunningApp;
    beforeAll(async () => {
      running = await startScriptedApp(platform, {
        backend,
        controllers: [CrowdController],
        providers: [WhoAmI],
        session: { storeTimeout: 10_000 },
        configure: app =>
          void app.use(async (request: object, _: unknown, next: () => void) => {
            await shuffle.pass();
            await getSession(request);
            next();
          }),
      });
    });
    afterAll(() => running.close());

    it(`${USERS} users with ${requests} requests each, all mixed: every answer belongs to its cookie`, async () => {
      const users = Array.from({ length: USERS }, (_, i) => `user-${i}`);
      const browsers = new Map<string, Browser>();
      await Promise.all(
        users.map(async user => {
          const browser = running.browser();
          browsers.set(user, browser);
          expect((await browser.post(`/login/${user}`)).setCookies).toHaveLength(1);
        }),
      );
      const cookies = new Set([...browsers.values()].map(({ cookie }) => cookie));
      expect(cookies.size).toBe(USERS);

      const wrong: unknown[] = [];
      const ids = new Map<string, string>();
      await Promise.all(
        users.map(async user => {
          const { cookie } = browsers.get(user)!;
          const wire = await Wire.open(running.url);
          for (let request = 0; request < requests; request++) {
            wire.send(`GET /work/${request} HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`);
            const answer = await wire.next();
            const work = answer.json<Work>();
            const secret = `of ${user}`;
            const isRight =
              work.user === user &&
              work.current === user &&
              work.before === secret &&
              work.after === secret &&
              answer.all('set-cookie').length === 0 &&
              (ids.get(user) ?? work.id) === work.id;
            ids.set(user, work.id);
            if (!isRight) wrong.push({ user, status: answer.status, work });
          }
          wire.close();
        }),
      );
      expect(wrong).toEqual([]);
      expect(new Set(ids.values()).size).toBe(USERS);
      for (const user of users) {
        const record = (await running.store.load(ids.get(user)!)) as { data: Record<string, string> };
        const seen = JSON.parse(record.data['d:seen']!) as string[];
        expect(seen.map(Number).toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: requests }, (_, i) => i),
        );
      }
    }, 60_000);
  };

describeCells('a crowd', [memory], crowd(20));
describeCells('a crowd', outsideBackends, crowd(4)); // each of them is several round trips
