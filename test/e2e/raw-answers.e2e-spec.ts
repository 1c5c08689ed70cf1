import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { platforms, type Platform } from '../support/platforms.js';
import { answering, me, returning, startScriptedApp, type ScriptHttp } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';

const BIG = Buffer.alloc(2 * 1024 * 1024, 'x');
const OURS = /^sid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/;
const ALWAYS = { vary: 'Cookie', 'cache-control': 'no-store' };

interface Row {
  readonly title: string;
  readonly answer: (http: ScriptHttp, file: string) => unknown;
  readonly status?: number;
  readonly text?: string;
  /** Headers that have to come through. */
  readonly headers?: Record<string, string>;
  /** `Set-Cookie` lines of others that have to come through. */
  readonly foreign?: readonly string[];
  readonly only?: Platform['name'];
}

const rows: Row[] = [
  { title: 'send(text)', answer: ({ response }) => response.send('sent'), text: 'sent' },
  {
    title: 'status(201).send(object)',
    answer: ({ response }) => response.status(201).send({ sent: true }),
    status: 201,
    text: '{"sent":true}',
  },
  {
    title: 'json(object)',
    answer: ({ response }) => response.json({ sent: true }),
    text: '{"sent":true}',
    only: 'express',
  },
  {
    title: 'sendFile(path)',
    answer: ({ response }, file) => response.sendFile(file),
    text: 'of a file',
    only: 'express',
  },
  {
    title: 'redirect(302, path)',
    answer: ({ response }) => response.redirect(302, '/elsewhere'),
    status: 302,
    headers: { location: '/elsewhere', vary: 'Accept, Cookie' },
    only: 'express',
  },
  {
    title: 'redirect(path, 302)',
    answer: ({ response }) => response.redirect('/elsewhere', 302),
    status: 302,
    headers: { location: '/elsewhere' },
    only: 'fastify',
  },
  {
    title: "header('set-cookie', two lines of others)",
    answer: ({ response }) => response.header('set-cookie', ['theme=dark', 'lang=en']).send('sent'),
    text: 'sent',
    foreign: ['theme=dark', 'lang=en'],
  },
  {
    title: 'hijack()',
    answer({ response, raw }) {
      response.hijack();
      raw.end('hijacked');
    },
    text: 'hijacked',
    only: 'fastify',
  },
  { title: 'end()', answer: ({ raw }) => raw.end(), text: '' },
  { title: 'end(text)', answer: ({ raw }) => raw.end('ended'), text: 'ended' },
  {
    title: 'statusCode, statusMessage and end()',
    answer({ raw }) {
      raw.statusCode = 404;
      raw.statusMessage = 'Nope';
      raw.end();
    },
    status: 404,
  },
  {
    title: 'write() twice and end()',
    answer({ raw }) {
      raw.write('one ');
      raw.write('two ');
      raw.end('three');
    },
    text: 'one two three',
  },
  {
    title: 'writeHead(status)',
    answer: ({ raw }) => raw.writeHead(201).end('headed'),
    status: 201,
    text: 'headed',
  },
  {
    title: 'writeHead(status, object)',
    answer: ({ raw }) => raw.writeHead(201, { 'X-One': '1', 'x-two': 2 }).end('headed'),
    status: 201,
    headers: { 'x-one': '1', 'x-two': '2' },
  },
  {
    title: 'writeHead(status, flat array)',
    answer: ({ raw }) => raw.writeHead(201, ['X-One', '1', 'x-two', '2']).end('headed'),
    status: 201,
    headers: { 'x-one': '1', 'x-two': '2' },
  },
  {
    title: 'writeHead(status, array of pairs)',
    answer: ({ raw }) =>
      raw
        .writeHead(201, [
          ['X-One', '1'],
          ['x-two', '2'],
        ] as unknown as string[])
        .end(),
    status: 201,
    headers: { 'x-one': '1', 'x-two': '2' },
  },
  {
    title: 'writeHead(status, message)',
    answer: ({ raw }) => raw.writeHead(203, 'Third hand').end('headed'),
    status: 203,
    text: 'headed',
  },
  {
    title: 'writeHead(status, message, object)',
    answer: ({ raw }) => raw.writeHead(203, 'Third hand', { 'x-one': '1' }).end('headed'),
    status: 203,
    headers: { 'x-one': '1' },
  },
  {
    title: 'writeHead(status, message, flat array)',
    answer: ({ raw }) => raw.writeHead(203, 'Third hand', ['x-one', '1']).end('headed'),
    status: 203,
    headers: { 'x-one': '1' },
  },
  {
    title: "writeHead(status, object with its own 'Set-Cookie')",
    answer: ({ raw }) => raw.writeHead(200, { 'Set-Cookie': 'theme=dark' }).end(),
    foreign: ['theme=dark'],
  },
  {
    title: "writeHead(status, object with two of its own 'set-cookie')",
    answer: ({ raw }) => raw.writeHead(200, { 'set-cookie': ['theme=dark', 'lang=en'] }).end(),
    foreign: ['theme=dark', 'lang=en'],
  },
  {
    title: "writeHead(status, flat array with two of its own 'set-cookie')",
    answer: ({ raw }) => raw.writeHead(200, ['set-cookie', 'theme=dark', 'Set-Cookie', 'lang=en']).end(),
    // Node 20 itself keeps one of the two once headers were set, as Express does for every answer.
    only: 'fastify',
    foreign: ['theme=dark', 'lang=en'],
  },
  {
    title: "writeHead(status, flat array with a list of its own 'set-cookie')",
    answer: ({ raw }) => raw.writeHead(200, ['set-cookie', ['theme=dark', 'lang=en']]).end(),
    foreign: ['theme=dark', 'lang=en'],
  },
  {
    title: "setHeader('set-cookie') and then writeHead(status, object)",
    answer({ raw }) {
      raw.setHeader('set-cookie', 'theme=dark');
      raw.writeHead(200, { 'x-one': '1' }).end();
    },
    foreign: ['theme=dark'],
    headers: { 'x-one': '1' },
  },
  {
    title: "setHeader('set-cookie') and then writeHead(status, flat array)",
    answer({ raw }) {
      raw.setHeader('set-cookie', 'theme=dark');
      raw.writeHead(200, ['x-one', '1']).end();
    },
    foreign: ['theme=dark'],
    headers: { 'x-one': '1' },
  },
  {
    title: "writeHead(status, object with 'Vary' and 'Cache-Control')",
    answer: ({ raw }) =>
      raw.writeHead(200, { Vary: 'Accept-Encoding', 'Cache-Control': 'public, max-age=60' }).end(),
    headers: { vary: 'Accept-Encoding, Cookie', 'cache-control': 'no-store' },
  },
  {
    title: "writeHead(status, flat array with 'vary' and 'cache-control')",
    answer: ({ raw }) => raw.writeHead(200, ['vary', 'Accept-Encoding', 'Cache-Control', 'public']).end(),
    headers: { vary: 'Accept-Encoding, Cookie', 'cache-control': 'no-store' },
  },
  {
    title: 'setHeaders(Headers)',
    answer({ raw }) {
      raw.setHeaders(new Headers({ 'x-one': '1' }));
      raw.end();
    },
    headers: { 'x-one': '1' },
  },
  {
    title: "appendHeader('set-cookie')",
    answer({ raw }) {
      raw.appendHeader('set-cookie', 'theme=dark');
      raw.appendHeader('set-cookie', 'lang=en');
      raw.end();
    },
    foreign: ['theme=dark', 'lang=en'],
  },
  {
    title: 'flushHeaders(), then write() and end()',
    answer({ raw }) {
      raw.setHeader('x-one', '1');
      raw.flushHeaders();
      raw.write('flushed ');
      raw.end('and ended');
    },
    headers: { 'x-one': '1' },
    text: 'flushed and ended',
  },
  {
    title: 'cork(), write(), uncork() and end()',
    answer({ raw }) {
      raw.cork();
      raw.write('corked ');
      raw.write('twice ');
      raw.uncork();
      raw.end('ended');
    },
    text: 'corked twice ended',
  },
  {
    title: 'stream.pipe()',
    answer: ({ raw }) => void Readable.from(['a', 'b', 'c']).pipe(raw),
    text: 'abc',
  },
  {
    title: 'pipeline() of 2 MiB',
    answer: ({ raw }) =>
      pipeline(Readable.from([BIG.subarray(0, 1024 * 1024), BIG.subarray(1024 * 1024)]), raw),
    text: BIG.toString(),
  },
  { title: 'end() of 2 MiB', answer: ({ raw }) => raw.end(BIG), text: BIG.toString() },
  {
    title: 'a later turn of the event loop',
    answer: ({ raw }) => void setImmediate(() => raw.end('later')),
    text: 'later',
  },
  { title: '304', answer: ({ raw }) => raw.writeHead(304).end(), status: 304, text: '' },
];

describe.each(platforms)('handlers that send the answer themselves on $name', platform => {
  let running: RunningApp;
  let directory: string;
  let file: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nestjs-http-session-'));
    file = join(directory, 'file.txt');
    await writeFile(file, 'of a file');
    running = await startScriptedApp(platform);
  });
  afterAll(async () => {
    await running.close();
    await rm(directory, { recursive: true });
  });

  const here = rows.filter(({ only }) => only === undefined || only === platform.name);

  for (const row of here)
    it(`${row.title}: saved before the head, exactly one cookie`, async () => {
      const path = answering((session, http) => {
        session.mark = `made after ${String(session.mark)}`;
        return row.answer(http, file);
      });
      const browser = running.browser();
      const first = await browser.get(path);
      expect(first.status).toBe(row.status ?? 200);
      if (row.text !== undefined) expect(first.text === row.text).toBe(true);
      expect(Object.fromEntries(first.headers)).toMatchObject({ ...ALWAYS, ...row.headers });
      expect(first.setCookies.filter(line => !OURS.test(line))).toEqual(row.foreign ?? []);
      expect(first.setCookies.filter(line => OURS.test(line))).toHaveLength(1);
      expect(await me(browser)).toEqual({ user: null, data: { mark: 'made after undefined' } });

      const other = running.browser();
      await other.get(returning(session => void (session.first = 1)));
      const second = await other.get(path);
      expect(second.status).toBe(row.status ?? 200);
      expect(second.setCookies).toEqual(row.foreign ?? []);
      expect(await me(other)).toMatchObject({ data: { first: 1, mark: 'made after undefined' } });
    });
});
