import { Controller, Get, Post } from '@nestjs/common';
import { MongoClient, type CommandStartedEvent, type Document } from 'mongodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { idOf, newSid } from '../../lib/crypto/session-id.js';
import { Session } from '../../lib/index.js';
import { describeWithMongo, freshDatabase } from '../support/mongodb-server.js';
import { platforms } from '../support/platforms.js';
import { startApp } from '../support/start-app.js';

/** The next "random" secrets, because two real ones are never equal. */
const nextSids: string[] = [];
vi.mock('../../lib/crypto/session-id.js', async load => {
  const real = await load<{ newSid: () => string }>();
  return { ...real, newSid: () => nextSids.shift() ?? real.newSid() };
});

@Controller()
class Door {
  @Post('login')
  async login(@Session() session: Session) {
    await session.login('alice');
  }

  @Post('note')
  note(@Session() session: Session<{ note?: string }>) {
    session.note = 'hers';
  }

  @Get('me')
  me(@Session() session: Session<{ note?: string }>) {
    return { user: session.loggedInAs ?? null, note: session.note ?? null };
  }
}

describeWithMongo('an id that MongoDB says is taken (E11000)', ({ url }) => {
  let client: MongoClient;
  let database: string;
  const sent: Document[] = [];
  beforeAll(async () => {
    database = (await freshDatabase(url)).databaseName;
    client = new MongoClient(url, { monitorCommands: true });
    client.on('commandStarted', ({ command }: CommandStartedEvent) => sent.push(command));
    await client.connect();
  });
  afterAll(() => client.close());

  /** Starts an application, with a document already stored under the id of this secret. */
  async function withTaken(platform: (typeof platforms)[number], document: Document = {}) {
    const running = await startApp({
      platform,
      backend: { type: 'mongodb', client, database },
      controllers: [Door],
    });
    const sid = newSid();
    const documents = client.db(database).collection<{ _id: string } & Document>('sessions');
    const taken = { _id: idOf(sid), ...document };
    await documents.insertOne(taken);
    sent.length = 0;
    const inserts = () => sent.filter(command => 'insert' in command).length;
    const stored = () => documents.findOne({ _id: taken._id });
    return { running, sid, taken, stored, inserts };
  }

  const cases = platforms.flatMap(platform =>
    ['/login', '/note'].map(path => [path, platform.name, platform] as const),
  );

  it.each(cases)('is passed over for a fresh one, once: POST %s on %s', async (path, _, platform) => {
    const { running, sid, taken, stored, inserts } = await withTaken(platform);
    const browser = running.browser();
    nextSids.push(sid);
    const answer = await browser.post(path);
    expect(answer.status).toBe(201);
    expect(answer.setCookies).toHaveLength(1);
    expect(browser.cookie).not.toContain(sid);
    expect(inserts()).toBe(2);
    const me = path === '/login' ? { user: 'alice', note: null } : { user: null, note: 'hers' };
    expect((await browser.get('/me')).json()).toEqual(me);
    expect(await stored()).toEqual(taken);
    await running.close();
  });

  it.each(cases)(
    'and the fresh one too: 503 without a cookie, after two attempts: POST %s on %s',
    async (path, _, platform) => {
      const now = Date.now();
      const meta = JSON.stringify({
        v: 1,
        createdAt: now,
        endsAt: now + 3_600_000,
        user: 'bob',
        loggedInAt: now,
      });
      const record = { e: now + 3_600_000, s: now, m: meta, x: new Date(now + 3_600_000), d: {} };
      const { running, sid, taken, stored, inserts } = await withTaken(platform, record);
      const browser = running.browser();
      nextSids.push(sid, sid);
      const answer = await browser.post(path);
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.setCookies).toEqual([]);
      expect(inserts()).toBe(2);
      expect(await stored(), "bob's session").toEqual(taken);
      expect((await browser.post(path)).status).toBe(201);
      await running.close();
    },
  );
});
