import type { ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import { createGzip } from 'node:zlib';
import { getSession } from '../../lib/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platforms } from '../support/platforms.js';
import { answering, me, returning, startScriptedApp, type Script } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';
import { WatchedStore } from '../support/watched-store.js';
import { Wire } from '../support/wire.js';

type Middleware = (request: object, response: ServerResponse, next: () => void) => unknown;

/** As the package `on-headers` does it: writeHead is replaced, takes what it is given into the headers, and calls back. */
function onHeaders(response: ServerResponse, listener: () => void): void {
  const { writeHead } = response;
  let isFired = false;
  response.writeHead = function (this: ServerResponse, status: number, ...args: unknown[]) {
    this.statusCode = status;
    const headers = args.find(arg => typeof arg === 'object') ?? {};
    const pairs: unknown[] = Array.isArray(headers) ? headers : Object.entries(headers).flat();
    for (let i = 0; i < pairs.length; i += 2) this.setHeader(String(pairs[i]), String(pairs[i + 1]));
    if (!isFired) listener();
    isFired = true;
    return Reflect.apply(writeHead, this, [
      this.statusCode,
      ...args.filter(arg => typeof arg === 'string'),
    ]) as ServerResponse;
  } as typeof response.writeHead;
}

const stamp: Middleware = (_, response, next) => {
  onHeaders(response, () => {
    response.setHeader('x-stamp', String(response.statusCode));
    response.appendHeader('set-cookie', 'stamp=1');
  });
  next();
};

/** As the package `compression` does it: write, end and writeHead are replaced; what is written goes through gzip. */
const compress: Middleware = (_, response, next) => {
  const { write, end } = response;
  let stream: Transform | undefined;
  onHeaders(response, () => {
    response.setHeader('content-encoding', 'gzip');
    response.removeHeader('content-length');
    stream = createGzip();
    stream.on('data', chunk => {
      if (!Reflect.apply(write, response, [chunk])) stream?.pause();
    });
    stream.on('end', () => Reflect.apply(end, response, []));
    response.on('drain', () => stream?.resume());
  });
  const begin = (): void => {
    if (!stream && !response.headersSent) response.writeHead(response.statusCode);
  };
  response.write = function (...args: unknown[]) {
    begin();
    return Reflect.apply(stream ? stream.write : write, stream ?? response, args) as boolean;
  } as typeof response.write;
  response.end = function (...args: unknown[]) {
    begin();
    Reflect.apply(stream ? stream.end : end, stream ?? response, args);
    return response;
  } as typeof response.end;
  next();
};

/** Looks at the session, so that the head is held from here on. */
const look: Middleware = async (request, _, next) => {
  await getSession(request).then(session => session.isNew);
  next();
};

/** Counts the octets that go through write and end, as loggers do. */
const measured: number[] = [];
const measure: Middleware = (_, response, next) => {
  let length = 0;
  for (const method of ['write', 'end'] as const) {
    const original = response[method];
    response[method] = function (this: ServerResponse, ...args: unknown[]) {
      const [chunk] = args;
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) length += Buffer.byteLength(chunk);
      return Reflect.apply(original, this, args) as never;
    } as never;
  }
  response.once('finish', () => measured.push(length));
  next();
};

const BODY = 'a body that is worth it '.repeat(2000);
const ways: Record<string, Script> = {
  'send()': (_, { response }) => response.send(BODY),
  'end()': (_, { raw }) => raw.end(BODY),
  'write() and end()': (_, { raw }) => {
    raw.write(BODY.slice(0, 1000));
    raw.end(BODY.slice(1000));
  },
  'writeHead() and end()': (_, { raw }) => raw.writeHead(200, { 'x-one': '1' }).end(BODY),
  'a later write()': async (_, { raw }) => {
    raw.write(BODY.slice(0, 1000));
    await new Promise(setImmediate);
    raw.end(BODY.slice(1000));
  },
};

const arrangements: Record<string, { middleware: Middleware[]; stamped: boolean; gzipped: boolean }> = {
  'on-headers before us': { middleware: [stamp, look], stamped: true, gzipped: false },
  'on-headers after us': { middleware: [look, stamp], stamped: true, gzipped: false },
  'on-headers before and after us': { middleware: [stamp, look, measure], stamped: true, gzipped: false },
  'compression before us': { middleware: [compress, look], stamped: false, gzipped: true },
  'compression after us': { middleware: [look, compress], stamped: false, gzipped: true },
  'all of them before us': { middleware: [measure, compress, stamp, look], stamped: true, gzipped: true },
  'all of them after us': { middleware: [look, measure, compress, stamp], stamped: true, gzipped: true },
};

describe.each(platforms)('middleware that wraps the response, on $name', platform => {
  for (const [name, { middleware, stamped, gzipped }] of Object.entries(arrangements)) {
    describe(name, () => {
      const store = new WatchedStore();
      let running: RunningApp;
      beforeAll(async () => {
        running = await startScriptedApp(platform, {
          backend: { store },
          configure: app => middleware.forEach(one => app.use(one)),
        });
      });
      afterAll(() => running.close());

      for (const [way, handler] of Object.entries(ways)) {
        it(`${way}: the body is whole, the session is saved, and each cookie is there once`, async () => {
          const path = answering((session, http) => {
            session.mark = 'made';
            return handler(session, http);
          });
          const browser = running.browser();
          const answer = await browser.get(path);
          expect(answer.status).toBe(200);
          expect(answer.text === BODY).toBe(true);
          expect(answer.headers.get('content-encoding')).toBe(gzipped ? 'gzip' : null);
          expect(answer.setCookies.filter(line => line.startsWith('sid='))).toHaveLength(1);
          expect(answer.setCookies.filter(line => line === 'stamp=1')).toHaveLength(stamped ? 1 : 0);
          expect(answer.headers.get('vary')).toBe('Cookie');
          expect(answer.headers.get('cache-control')).toBe('no-store');
          expect((await me(browser)).data).toEqual({ mark: 'made' });
        });
      }

      it('a returned answer works as well', async () => {
        const browser = running.browser();
        const answer = await browser.get(
          returning(session => {
            session.mark = 'returned';
            return { body: BODY };
          }),
        );
        expect(answer.json()).toEqual({ body: BODY });
        expect((await me(browser)).data).toEqual({ mark: 'returned' });
      });

      it('nothing leaves before the store has answered', async () => {
        const gate = store.hold('create');
        const path = answering((session, { raw }) => {
          session.mark = 1;
          raw.end(BODY);
        });
        const wire = await Wire.open(running.url);
        wire.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        await gate.arrived;
        for (let i = 0; i < 5; i++) await new Promise(setImmediate);
        expect(wire.received).toBe('');
        gate.open();
        expect((await wire.next()).status).toBe(200);
        wire.close();
      });

      it('a save that fails answers 503, and the client is not left waiting', async () => {
        store.hold('create').fail(new Error('a fault that the test made'));
        const answer = await running.browser().get(
          answering((session, { raw }) => {
            session.mark = 1;
            raw.end(BODY);
          }),
        );
        expect(answer.status).toBe(503);
        expect(answer.setCookies.filter(line => line.startsWith('sid='))).toEqual([]);
        expect(answer.text).not.toContain('worth it');
      });
    });
  }

  it('a logger that counts octets sees each of them once', async () => {
    for (const middleware of [
      [measure, look],
      [look, measure],
    ]) {
      measured.length = 0;
      const running = await startScriptedApp(platform, {
        configure: app => middleware.forEach(one => app.use(one)),
      });
      try {
        for (const handler of Object.values(ways)) {
          await running.browser().get(
            answering((session, http) => {
              session.mark = 1;
              return handler(session, http);
            }),
          );
        }
        await expect.poll(() => measured).toEqual(Object.values(ways).map(() => BODY.length));
      } finally {
        await running.close();
      }
    }
  });
});
