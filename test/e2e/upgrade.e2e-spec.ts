import dns, { type LookupAddress } from 'node:dns';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { IncomingMessage, Server } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { getSession, SessionClosedError } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import type { Browser } from '../support/browser.js';
import { platforms } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';
import { GameController, type Game } from '../support/game.controller.js';

interface Opened {
  /** The request that a gateway's `handleConnection(client, request)` gets. */
  readonly request: IncomingMessage;
  readonly received: () => string;
  close(): void;
}

// A WebSocket is an `upgrade` event of the HTTP server: no middleware and no response, which is what gateways start from.
describeCells('an upgrade request', backends, ({ platform, backend }) => {
  let running: RunningApp;
  let server: Server;
  beforeAll(async () => {
    running = await startApp({ platform, backend, controllers: [GameController] });
    server = running.app.getHttpServer() as Server;
  });
  afterAll(() => running.close());

  async function open(cookie: string): Promise<Opened> {
    const upgraded = new Promise<[IncomingMessage, Socket]>(resolve => {
      server.once('upgrade', (request: IncomingMessage, socket: Socket) => resolve([request, socket]));
    });
    const client = connect(Number(new URL(running.url).port), '127.0.0.1');
    let received = '';
    client.on('data', data => (received += String(data)));
    const head = ['GET /socket HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket'];
    client.write([...head, ...(cookie ? [`Cookie: ${cookie}`] : []), '', ''].join('\r\n'));
    const [request, socket] = await upgraded;
    return {
      request,
      received: () => received,
      close() {
        client.destroy();
        socket.destroy();
      },
    };
  }

  let player: Browser;
  beforeEach(async () => {
    player = running.browser();
    await player.post('/join');
  });

  it('has the session, of a socket.io client too; nothing is written to the socket', async () => {
    const { request, received, close } = await open(player.cookie);
    const session = await getSession<Game>(request);
    expect({ ...session, user: session.loggedInAs, isNew: session.isNew }).toEqual({
      score: 1,
      user: 'alice',
      isNew: false,
    });
    expect((await getSession<Game>({ request })).score).toBe(1);
    expect(received()).toBe('');
    close();
  });

  it('reads the store on each call: a change or a logout elsewhere is seen', async () => {
    const { request, close } = await open(player.cookie);
    const first = await getSession<Game>(request);
    expect(first.score).toBe(1);
    await player.post('/score');
    const second = await getSession<Game>(request);
    expect([first.score, second.score, second === first]).toEqual([1, 2, false]);
    await player.post('/leave');
    const third = await getSession<Game>(request);
    expect([third.score, third.loggedInAs, third.isNew]).toEqual([undefined, undefined, true]);
    close();
  });

  it('needs save() to write; update(), take() and destroy() write without it', async () => {
    const { request, close } = await open(player.cookie);
    const session = await getSession<Game>(request);
    session.room = 'blue';
    expect((await player.post('/score')).json()).toEqual({ score: 2 });
    await session.save();
    expect((await player.post('/score')).json()).toEqual({ score: 3, room: 'blue' });
    expect(await session.update('score', (score = 0) => score + 10)).toBe(13);
    expect(await session.take('room')).toBe('blue');
    expect((await player.post('/score')).json()).toEqual({ score: 14 });
    await session.destroy();
    expect((await player.post('/score')).json()).toEqual({ score: 1 });
    close();
  });

  it('cannot be given a cookie: operations that need one reject', async () => {
    const { request, close } = await open('');
    const session = await getSession<Game>(request);
    session.score = 5;
    const attempts = [session.save(), session.login('mallory'), session.update('score', () => 6)];
    const codes = await Promise.all(
      attempts.map(attempt => attempt.then(String, (error: unknown) => (error as SessionClosedError).code)),
    );
    expect(codes).toEqual(Array(3).fill('SESSION_HEAD_SENT'));
    const signedIn = await open(player.cookie);
    const mine = await getSession<Game>(signedIn.request);
    await expect(mine.regenerate()).rejects.toMatchObject({ code: 'SESSION_HEAD_SENT' });
    await expect(mine.login('bob')).rejects.toBeInstanceOf(SessionClosedError);
    expect((await player.post('/score')).json()).toEqual({ score: 2 });
    signedIn.close();
    close();
  });

  it('rejects a save() of a session that was ended by another request', async () => {
    const { request, close } = await open(player.cookie);
    const session = await getSession<Game>(request);
    await player.post('/leave');
    session.room = 'blue';
    await expect(session.save()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    close();
  });
});

async function isServed(running: RunningApp, address: string): Promise<boolean> {
  const server = running.app.getHttpServer() as Server;
  const upgraded = new Promise<[IncomingMessage, Socket]>(resolve => {
    server.once('upgrade', (request: IncomingMessage, socket: Socket) => resolve([request, socket]));
  });
  const client = connect((server.address() as AddressInfo).port, address);
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  const [request, socket] = await upgraded;
  const { isNew } = await getSession(request);
  client.destroy();
  socket.destroy();
  return isNew;
}

describe.each(platforms)('an upgrade request on $name', platform => {
  afterEach(() => vi.restoreAllMocks());

  it('has its session when it is the very first request of the application', async () => {
    const running = await startApp({ platform, backend: { type: 'memory' } });
    expect(await isServed(running, '127.0.0.1')).toBe(true);
    await running.close();
  });

  it.runIf(platform.name === 'fastify' && process.platform === 'linux')(
    'has its session on each address of localhost',
    async () => {
      const addresses: LookupAddress[] = [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ];
      const { lookup } = dns;
      const lookUp = ((name: string, ...rest: [object, (...found: unknown[]) => void] | [() => void]) => {
        if (name === 'localhost' && rest.length === 2) rest[1](null, addresses);
        else lookup(name, ...(rest as [() => void]));
      }) as typeof dns.lookup;
      const running = await startApp({
        platform,
        backend: { type: 'memory' },
        async listen(app) {
          await app.init();
          vi.spyOn(dns, 'lookup').mockImplementation(lookUp);
          await app.listen(0, 'localhost');
          vi.restoreAllMocks();
        },
      });
      expect(await isServed(running, '127.0.0.1')).toBe(true);
      expect(await isServed(running, '127.0.0.2')).toBe(true);
      await running.close();
    },
  );
});
