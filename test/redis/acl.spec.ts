import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StoreRefusedError } from '../../lib/store/store-refused.error.js';
import { RedisSessionStore } from '../../lib/stores/redis/redis.store.js';
import { errorOf, HOUR, idOf, NOW, recordOf, updateOf } from '../support/redis-records.js';
import { describeWithRedis, RedisServer } from '../support/redis-servers.js';

/** The rules that the README recommends. */
async function rulesInReadme(): Promise<string[]> {
  const readme = await readFile(new URL('../../lib/stores/redis/README.md', import.meta.url), 'utf8');
  const rules = /^ACL SETUSER sessions on >password (.+)$/m.exec(readme)?.[1];
  if (rules === undefined) throw new Error('the README has no ACL rules');
  return rules.split(' ');
}

describeWithRedis('a user with exactly the rights that the README lists', () => {
  let server: RedisServer;
  let replica: RedisServer;
  const verbs: [string, (store: RedisSessionStore) => unknown][] = [
    ['open', store => store.open()],
    ['ping', store => store.ping()],
    ['create', store => store.create(idOf('a'), recordOf({ data: { 'd:a': '1' } }))],
    ['load', store => store.load(idOf('a'))],
    [
      'update',
      store =>
        store.update(
          idOf('a'),
          updateOf({ set: { 'd:b': '1' }, delete: ['d:a'], expect: { 'd:a': '1' } }),
          NOW,
        ),
    ],
    ['touch', store => store.touch(idOf('a'), { expiresAt: NOW + HOUR, lastSeenAt: NOW }, NOW)],
    ['rotation', store => store.destroy(idOf('a'), NOW, { successor: idOf('b') })],
    ['destroy', store => store.destroy(idOf('a'), NOW)],
    ['index.add', store => store.index.add('u', idOf('a'), NOW + HOUR, NOW)],
    ['index.confirm', store => store.index.confirm('u', idOf('a'))],
    ['index.list', store => store.index.list('u', NOW)],
    ['index.remove', store => store.index.remove('u', [idOf('a')])],
  ];

  beforeAll(async () => {
    server = await RedisServer.start();
    replica = await server.startReplica();
  });
  afterAll(() => Promise.all([replica.stop(), server.stop()]));

  async function storeWith(rules: readonly string[]): Promise<RedisSessionStore> {
    await server.ask('FLUSHALL');
    await server.ask('SCRIPT', 'FLUSH');
    await server.ask('ACL', 'SETUSER', 'sessions', 'reset', 'on', '>password', ...rules);
    return new RedisSessionStore({
      url: `redis://sessions:password@127.0.0.1:${server.port}/1`,
      waitReplicas: 1,
    });
  }

  async function refusals(rules: readonly string[]): Promise<string[]> {
    const store = await storeWith(rules);
    const refused: string[] = [];
    for (const [name, run] of verbs) {
      const outcome = await Promise.allSettled([(async () => run(store))()]);
      if (outcome[0].status === 'rejected' && outcome[0].reason instanceof StoreRefusedError)
        refused.push(name);
    }
    await store.close();
    return refused;
  }

  it('can do everything the store does', async () => {
    expect(await refusals(await rulesInReadme())).toEqual([]);
  });

  it('has no right too many: without any one of them something is refused', async () => {
    const rules = await rulesInReadme();
    const needless: string[] = [];
    for (const rule of rules) {
      // INFO is optional: without it the store works, but cannot warn about settings.
      if (rule === '+info') continue;
      if ((await refusals(rules.filter(one => one !== rule))).length === 0) needless.push(rule);
    }
    expect(needless).toEqual([]);
  });

  it('works without the right to INFO, except that it cannot warn', async () => {
    const rules = (await rulesInReadme()).filter(rule => rule !== '+info');
    const store = await storeWith(rules);
    expect(await store.open()).toEqual([]);
    expect(await store.load(idOf('a'))).toBeUndefined();
    await store.close();
  });

  it('cannot touch any other key', async () => {
    const store = await storeWith(await rulesInReadme());
    const other = new RedisSessionStore({
      url: `redis://sessions:password@127.0.0.1:${server.port}`,
      prefix: 'other:',
    });
    expect((await errorOf(other.load(idOf('a')))).message).toMatch(/NOPERM/);
    await other.close();
    await store.close();
  });
});
