import { setTimeout as wait } from 'node:timers/promises';
import { Controller, Get, Post } from '@nestjs/common';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import { platforms } from '../support/platforms.js';
import { untilItWorks } from '../support/redis-records.js';
import { addReplica, startCluster } from '../support/redis-cluster.js';
import { describeWithRedis, type RedisServer } from '../support/redis-servers.js';
import { startApp } from '../support/start-app.js';

@Controller()
class Door {
  @Post('login')
  async login(@Session() session: Session) {
    await session.login('alice');
    return { id: session.id };
  }

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.loggedInAs ?? null };
  }

  @Post('logout')
  async logout(@Session() session: Session) {
    await session.destroy();
  }
}

describeWithRedis('an application whose client of a Cluster reads from replicas', () => {
  let nodes: RedisServer[];
  let replica: RedisServer;
  let client: Cluster;

  beforeAll(async () => {
    nodes = await startCluster(1);
    replica = await addReplica(nodes, nodes[0]!);
    client = new Cluster([{ host: '127.0.0.1', port: nodes[0]!.port }], { scaleReads: 'slave' });
    await untilItWorks(async () => {
      if (client.nodes('slave').length === 0) throw new Error('the client has not seen the replica yet');
    }, 5_000);
  });
  afterAll(async () => {
    client.disconnect();
    await Promise.all(nodes.map(node => node.stop()));
  });

  it.each(platforms)(
    'reads sessions from the master: a login and a logout that no replica has heard of count at once, on $name',
    async platform => {
      const running = await startApp({
        platform,
        backend: { type: 'redis', client },
        session: { failFast: true },
        controllers: [Door],
      });
      const browser = running.browser();
      const tab = browser.copy();
      replica.freeze();
      try {
        const { id } = (await browser.post('/login')).json<{ id: string }>();
        const copy = browser.copy();
        for (let i = 0; i < 5; i++) expect((await browser.get('/me')).json()).toEqual({ user: 'alice' });
        const theirs = client.exists(`session:${id}`).catch(() => 'nothing');
        expect(await Promise.race([theirs, wait(300, 'nothing')]), 'the client as it is').toBe('nothing');
        await browser.post('/logout');
        for (let i = 0; i < 5; i++) expect((await copy.get('/me')).json()).toEqual({ user: null });
        expect((await tab.get('/me')).json()).toEqual({ user: null });
      } finally {
        replica.thaw();
        await running.close();
      }
      await untilItWorks(() => client.exists('x'), 5_000);
      expect(String(await replica.ask('INFO', 'commandstats'))).not.toContain('cmdstat_hgetall');
    },
  );

  it('a replica that is frozen keeps no application from starting, and a frozen master is not answered for by it', async () => {
    replica.freeze();
    const running = await startApp({
      platform: platforms[0]!,
      backend: { type: 'redis', client },
      session: { failFast: true, storeTimeout: 400 },
      controllers: [Door],
    });
    replica.thaw();
    const browser = running.browser();
    await browser.post('/login');
    nodes[0]!.freeze();
    expect((await browser.get('/me')).status).toBe(503);
    nodes[0]!.thaw();
    await running.close();
  });
});
