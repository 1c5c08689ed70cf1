import { Module, type INestApplication, type NestApplicationOptions } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { once } from 'node:events';
import {
  connect,
  type ClientHttp2Session,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2';
import { request, type RequestOptions } from 'node:https';
import type { ConnectionOptions as TlsConnectionOptions, TlsOptions } from 'node:tls';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SessionModule, Sessions, type SessionModuleOptions } from '../../lib/index.js';
import { answering, NO_SESSION, returning, ScriptController, type Script } from '../support/scripts.js';
import { WatchedStore } from '../support/watched-store.js';

const BIG = 'x'.repeat(1024 * 1024);
const tokenOf = (line: string): string => line.slice(0, line.indexOf(';'));

async function start(
  adapter: ExpressAdapter | FastifyAdapter,
  session: SessionModuleOptions,
  httpsOptions?: TlsOptions,
): Promise<INestApplication> {
  @Module({ imports: [SessionModule.forRoot(session)], controllers: [ScriptController] })
  class AppModule {}
  const options = { logger: false, abortOnError: false, ...(httpsOptions && { httpsOptions }) };
  const app = await NestFactory.create(AppModule, adapter, options as NestApplicationOptions);
  await app.listen(0, '127.0.0.1');
  return app;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly setCookies: readonly string[];
  readonly text: string;
}

describe('HTTP/2 on fastify', () => {
  const store = new WatchedStore();
  let app: INestApplication;
  let client: ClientHttp2Session;
  const serverSessions = new Set<ServerHttp2Session>();
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.message);
  beforeAll(async () => {
    process.on('warning', onWarning);
    app = await start(new FastifyAdapter({ http2: true } as never), { store });
    const server = app.getHttpServer() as Http2Server;
    server.on('session', session => serverSessions.add(session));
    client = connect((await app.getUrl()).replace('https', 'http'));
    await once(client, 'connect');
  });
  afterAll(async () => {
    client.close();
    // Node 20 keeps a session for ever when a stream of it was reset before its end(), with us or without.
    for (const session of serverSessions) session.destroy();
    await app.close();
    process.off('warning', onWarning);
  });

  async function get(path: string, cookie?: string | string[], method = 'GET'): Promise<Answer> {
    const stream = client.request({ ':method': method, ':path': path, ...(cookie && { cookie }) });
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
    let text = '';
    stream.setEncoding('utf8');
    for await (const chunk of stream) text += chunk as string;
    return { status: headers[':status'], headers, setCookies: headers['set-cookie'] ?? [], text };
  }

  const ways: Record<string, { path: (mark: Script) => string; text: string; status?: number }> = {
    'a returned object': {
      path: mark => returning((session, http) => (mark(session, http), { ok: true })),
      text: '{"ok":true}',
    },
    'send()': {
      path: mark => answering((session, http) => (mark(session, http), http.response.send('sent'))),
      text: 'sent',
    },
    'end()': {
      path: mark => answering((session, http) => (mark(session, http), http.raw.end('ended'))),
      text: 'ended',
    },
    'end() without a body': {
      path: mark => answering((session, http) => (mark(session, http), http.raw.end())),
      text: '',
    },
    'write() and end()': {
      path: mark =>
        answering((session, http) => {
          const { raw } = http;
          mark(session, http);
          raw.write('one ');
          raw.end('two');
        }),
      text: 'one two',
    },
    'writeHead() with an object': {
      path: mark =>
        answering(
          (session, http) => (mark(session, http), http.raw.writeHead(201, { 'x-one': '1' }).end('headed')),
        ),
      text: 'headed',
      status: 201,
    },
    'flushHeaders() and end()': {
      path: mark =>
        answering((session, http) => {
          const { raw } = http;
          mark(session, http);
          raw.flushHeaders();
          raw.end('flushed');
        }),
      text: 'flushed',
    },
    'pipeline() of 1 MiB': {
      path: mark =>
        answering(
          (session, http) => (
            mark(session, http),
            pipeline(Readable.from([BIG.slice(0, 1000), BIG.slice(1000)]), http.raw)
          ),
        ),
      text: BIG,
    },
  };

  for (const [title, { path, text, status = 200 }] of Object.entries(ways)) {
    it(`${title}: saved before the head, exactly one cookie`, async () => {
      const answer = await get(path(session => void (session.mark = `after ${String(session.mark)}`)));
      expect(answer.status).toBe(status);
      expect(answer.text === text).toBe(true);
      expect(answer.setCookies).toHaveLength(1);
      expect(answer.headers).toMatchObject({ vary: 'Cookie', 'cache-control': 'no-store' });
      const me = await get('/me', tokenOf(answer.setCookies[0]!));
      expect(JSON.parse(me.text)).toEqual({ user: null, data: { mark: 'after undefined' } });
    });
  }

  it('cookies in several fields are one header', async () => {
    const { setCookies } = await get(returning(session => session.login('alice')));
    const cookie = tokenOf(setCookies[0]!);
    for (const fields of [
      ['a=1', `${cookie}; b=3`],
      ['a=1', 'b=2', cookie],
      [cookie, 'a=1'],
    ]) {
      expect(JSON.parse((await get('/me', fields)).text)).toMatchObject({ user: 'alice' });
    }
  });

  it('many streams at once on one connection: each has the session of its own cookie', async () => {
    const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
    const cookies = await Promise.all(
      users.map(async user => {
        const { setCookies } = await get(returning(session => session.login(user)));
        return tokenOf(setCookies[0]!);
      }),
    );
    const answers = await Promise.all([...cookies, ...cookies].map(cookie => get('/me', cookie)));
    expect(answers.map(({ text }) => (JSON.parse(text) as { user: string }).user)).toEqual([
      ...users,
      ...users,
    ]);
  });

  it('nothing leaves before the store has answered; a save that fails is a 503 without a cookie', async () => {
    const gate = store.hold('create');
    let isAnswered = false;
    const path = answering((session, { raw }) => {
      session.mark = 1;
      raw.writeHead(200, { 'x-one': '1' });
      raw.end('never seen');
    });
    const answer = get(path).finally(() => (isAnswered = true));
    await gate.arrived;
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    expect(isAnswered).toBe(false);
    gate.fail(new Error('a fault that the test made'));
    const { status, headers, setCookies, text } = await answer;
    expect(status).toBe(503);
    expect(headers).toMatchObject({ 'retry-after': '1' });
    expect(headers['x-one']).toBeUndefined();
    expect(setCookies).toEqual([]);
    expect(JSON.parse(text)).toEqual({ statusCode: 503, message: 'Service Unavailable' });
  });

  it('a client that resets its stream: the change is still saved', async () => {
    const { setCookies } = await get(returning(session => void (session.first = 1)));
    const cookie = tokenOf(setCookies[0]!);
    const gate = store.hold('update');
    const stream = client.request({
      ':path': answering((session, { raw }) => {
        session.mark = 'kept';
        raw.end('to nobody');
      }),
      cookie,
    });
    await gate.arrived;
    stream.close();
    await once(stream, 'close');
    gate.open();
    await expect
      .poll(async () => JSON.parse((await get('/me', cookie)).text) as unknown)
      .toMatchObject({
        data: { first: 1, mark: 'kept' },
      });
  });

  it('404 and HEAD', async () => {
    expect((await get('/nowhere')).status).toBe(404);
    const head = await get('/me', undefined, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.text).toBe('');
    expect(JSON.parse((await get('/me')).text)).toEqual(NO_SESSION);
  });

  it('nothing of this made Node warn', () => {
    expect(warnings).toEqual([]);
  });
});

/** TLS with a shared key: no certificate is needed. */
const KEY = { identity: 'tests', psk: Buffer.from('a key that both sides of the tests have') };
const SERVER: TlsOptions = { ciphers: 'PSK', maxVersion: 'TLSv1.2', pskCallback: () => KEY.psk };
const CLIENT: RequestOptions & TlsConnectionOptions = {
  ciphers: 'PSK',
  maxVersion: 'TLSv1.2',
  pskCallback: () => KEY,
  checkServerIdentity: () => undefined,
};

describe.each([
  { name: 'express', adapter: () => new ExpressAdapter(), httpsOptions: SERVER },
  { name: 'fastify', adapter: () => new FastifyAdapter({ https: SERVER } as never), httpsOptions: undefined },
])('HTTPS on $name', ({ adapter, httpsOptions }) => {
  let app: INestApplication;
  beforeAll(async () => {
    app = await start(adapter(), { type: 'memory' }, httpsOptions);
  });
  afterAll(() => app.close());

  async function get(path: string, headers: Record<string, string> = {}): Promise<readonly string[]> {
    const { port } = new URL(await app.getUrl());
    const sent = request({ ...CLIENT, host: '127.0.0.1', port, path, headers, agent: false }).end();
    const [answer] = (await once(sent, 'response')) as [{ headers: IncomingHttpHeaders; resume(): void }];
    answer.resume();
    return answer.headers['set-cookie'] ?? [];
  }

  it("secure: 'auto' sets and clears a Secure cookie, even against a proxy header", async () => {
    for (const headers of [{}, { 'x-forwarded-proto': 'http' }]) {
      const [line] = await get(
        returning(session => void (session.mark = 1)),
        headers as Record<string, string>,
      );
      expect(line).toMatch(/^sid=[^;]+;.*; Secure/);
      const [clear] = await get(
        returning(session => session.destroy()),
        { cookie: tokenOf(line!) },
      );
      expect(clear).toMatch(/^sid=;.*; Secure/);
    }
    expect(await app.get(Sessions).prune()).toBe(0);
  });
});
