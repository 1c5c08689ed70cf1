import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Controller, Get, Post } from '@nestjs/common';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Session, SessionConfigError, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../support/platforms.js';
import { errorOf, untilItWorks } from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';
import { startApp, type RunningApp } from '../support/start-app.js';

@Controller()
class Visits {
  @Get('visit')
  visit(@Session() session: Session<{ visits?: number }>) {
    session.visits = (session.visits ?? 0) + 1;
    return { visits: session.visits };
  }

  @Get('plain')
  plain() {
    return { plain: true };
  }

  @Post('logout')
  async logout(@Session() session: Session) {
    await session.destroy();
  }
}

describeWithRedis('an application with sessions in Redis', () => {
  let server: RedisServer;
  let running: RunningApp | undefined;
  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    await running?.close();
    running = undefined;
    await server.stop();
  });
  const start = async (
    platform: (typeof platforms)[number],
    session: Partial<SessionModuleOptions> = {},
  ): Promise<RunningApp> => {
    const backend = { type: 'redis', url: server.url } as const;
    running = await startApp({ platform, backend, session, controllers: [Visits] });
    return running;
  };

  describe.each(platforms)('on $name', platform => {
    it('answers 503 within the deadline while Redis is gone, other routes as ever, and is back within two seconds', async () => {
      const browser = (await start(platform)).browser();
      expect((await browser.get('/visit')).json()).toEqual({ visits: 1 });
      await server.kill();
      for (let i = 0; i < 20; i++) {
        const from = performance.now();
        const answer = await browser.get('/visit');
        expect(answer.status).toBe(503);
        expect(answer.setCookies).toEqual([]);
        expect(performance.now() - from).toBeLessThan(1_100);
        expect((await browser.get('/plain')).status).toBe(200);
      }
      expect((await browser.post('/logout')).status).toBe(503);
      await server.restart();
      const again = await untilItWorks(async () => {
        const answer = await browser.get('/visit');
        if (answer.status !== 200) throw new Error(String(answer.status));
      }, 5_000);
      expect(again).toBeLessThan(2_000);
    });

    it('a Redis that freezes costs one request its deadline, and no user is logged out', async () => {
      const browser = (await start(platform, { storeTimeout: 300 })).browser();
      await browser.get('/visit');
      server.freeze();
      const from = performance.now();
      const answers = await Promise.all(Array.from({ length: 20 }, () => browser.copy().get('/visit')));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 503));
      expect(performance.now() - from).toBeLessThan(800);
      server.thaw();
      await untilItWorks(async () => {
        const answer = await browser.get('/visit');
        if (answer.status !== 200) throw new Error(String(answer.status));
        expect(answer.json()).not.toEqual({ visits: 1 });
      }, 3_000);
    });

    it('starts without Redis, answers 503, and serves when Redis comes, without another start', async () => {
      await server.kill();
      const app = await start(platform);
      expect(app.logs.join()).toMatch(/error: The session store does not answer.*ECONNREFUSED/);
      const browser = app.browser();
      expect((await browser.get('/visit')).status).toBe(503);
      expect((await browser.get('/plain')).status).toBe(200);
      await server.restart();
      await untilItWorks(async () => {
        if ((await browser.get('/visit')).status !== 200) throw new Error('not yet');
      }, 2_000);
    });
  });

  const [express] = platforms;

  it('does not start with failFast, or when Redis refuses it, and leaves nothing running, on express', async () => {
    await server.ask('CONFIG', 'SET', 'requirepass', 'right');
    expect((await errorOf(start(express!))).message).toMatch(/type: 'redis'.*NOAUTH.*password/);

    let connections = 0;
    const closing = createServer(socket => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>(resolve => closing.listen(0, '127.0.0.1', resolve));
    const url = `redis://127.0.0.1:${(closing.address() as AddressInfo).port}`;
    await errorOf(start(express!, { url, failFast: true }));
    const tried = connections;
    await wait(700);
    expect(connections).toBe(tried);
    closing.close();
  });

  it.each<{ what: string; session: (url: string) => Partial<SessionModuleOptions>; says: RegExp }>([
    {
      what: 'a database',
      session: url => ({ url: `${url}/shop` }),
      says: /database in the "url" is not a number/,
    },
    {
      what: 'a database beside the url',
      session: () => ({ connection: { db: 'shop' } }) as object,
      says: /database in the "url" is not a number/,
    },
    {
      what: 'a password',
      session: url => ({ url: url.replace('//', '//:secret%zz@') }),
      says: /percent-encode the user name and the password/,
    },
  ])('does not start with $what that it cannot use, and says why, on express', async ({ session, says }) => {
    const error = await errorOf(start(express!, session(server.url)));
    expect(error).toBeInstanceOf(SessionConfigError);
    expect(error.message).toMatch(says);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('secret');
  });

  it('takes host, port and database from "connection", on express', async () => {
    const connection = { host: '127.0.0.1', port: server.port, db: 2 };
    const app = await startApp({
      platform: express!,
      backend: { type: 'redis', connection },
      controllers: [Visits],
    });
    expect((await app.browser().get('/visit')).json()).toEqual({ visits: 1 });
    expect(await server.ask('INFO', 'keyspace')).toContain('db2:keys=1');
    await app.close();
  });

  it('warns of a Redis that throws sessions away, on express', async () => {
    await server.ask('CONFIG', 'SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
    expect((await start(express!)).logs.join()).toMatch(/warn: .*"maxmemory-policy" is allkeys-lru/);
  });

  it("takes the application's client, and leaves it open at the end, on express", async () => {
    const client = new Redis(server.port);
    const app = await startApp({
      platform: express!,
      backend: { type: 'redis', client, prefix: 'app:' },
      controllers: [Visits],
    });
    expect((await app.browser().get('/visit')).json()).toEqual({ visits: 1 });
    expect(await client.keys('*')).toEqual([expect.stringMatching(/^app:[0-9a-f]{64}$/)]);
    await app.close();
    expect(await client.ping()).toBe('PONG');
    expect(await server.connections()).toBe(1);
    client.disconnect();
  });
});
