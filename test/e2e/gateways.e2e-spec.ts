import {
  Catch,
  Injectable,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  ConnectedSocket,
  SubscribeMessage,
  WebSocketGateway,
  type WsException,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { io, type Socket as IoSocket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { getSession, Session, type SessionClosedError } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeCells } from '../support/cells.js';
import { Deferred } from '../support/deferred.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';
import { freePort } from '../support/free-port.js';
import { GameController, type Game } from '../support/game.controller.js';
import { startApp, type RunningApp } from '../support/start-app.js';

@Injectable()
class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await getSession(context)).loggedInAs !== undefined;
  }
}

/** Answers what went wrong, with the user of the session. */
@Catch()
class TellingFilter implements ExceptionFilter {
  async catch(error: Error, host: ArgumentsHost): Promise<void> {
    const code = (error as Partial<SessionClosedError>).code ?? (error as WsException).message;
    const user = await getSession(host).then(
      session => session.loggedInAs ?? null,
      () => 'unknown',
    );
    send(host.switchToWs().getClient<Client>(), 'error', { code, user });
  }
}

interface Client {
  /** Only a client of socket.io has it. */
  readonly handshake?: unknown;
  send(text: string): void;
  emit(event: string, data: unknown): void;
}

/** Sends a message, to a client of `ws` or of socket.io. */
function send(client: Client, event: string, data: unknown): void {
  if (client.handshake) client.emit(event, data);
  else client.send(JSON.stringify({ event, data }));
}

/** Resolves for each client that has gone, with the user of its session. */
let gone = new Deferred<string | undefined>();

@UseFilters(TellingFilter)
class GameMessages implements OnGatewayConnection, OnGatewayDisconnect {
  async handleConnection(client: Client, request?: IncomingMessage) {
    const { loggedInAs = null, score = null, isNew } = await getSession<Game>(client);
    const byRequest = request && (await getSession<Game>(request)).loggedInAs;
    send(client, 'welcome', { loggedInAs, score, isNew, ...(request && { byRequest: byRequest ?? null }) });
  }

  async handleDisconnect(client: Client) {
    try {
      gone.resolve((await getSession(client)).loggedInAs);
    } catch (error) {
      gone.resolve(String(error)); // the last clients go when the application, and with it the store, is closed
    }
  }

  @SubscribeMessage('score')
  score(@Session() session: Session<Game>) {
    return { event: 'score', data: session.score ?? null };
  }

  @SubscribeMessage('one')
  one(@Session('score') score = 0) {
    return { event: 'one', data: score };
  }

  @SubscribeMessage('client')
  async client(@ConnectedSocket() client: Client) {
    return { event: 'client', data: (await getSession(client)).loggedInAs ?? null };
  }

  @UseGuards(SignedInGuard)
  @SubscribeMessage('mine')
  mine(@Session() session: Session<Game>) {
    return { event: 'mine', data: session.loggedInAs };
  }

  @SubscribeMessage('assign')
  assign(@Session() session: Session<Game>) {
    session.room = 'blue';
    return { event: 'assign', data: session.room };
  }

  @SubscribeMessage('save')
  async save(@Session() session: Session<Game>) {
    session.room = 'green';
    await session.save();
    return { event: 'save', data: session.room };
  }

  @SubscribeMessage('add')
  async add(@Session() session: Session<Game>) {
    return { event: 'add', data: await session.update('score', (score = 0) => score + 10) };
  }

  @SubscribeMessage('login')
  async login(@Session() session: Session<Game>) {
    await session.login('mallory');
  }

  @SubscribeMessage('leave')
  async leave(@Session() session: Session<Game>) {
    await session.destroy();
    return { event: 'leave', data: session.loggedInAs ?? null };
  }
}

@WebSocketGateway({ path: '/game' })
class GameGateway extends GameMessages {}

const useWs = (app: INestApplication): void => {
  app.useWebSocketAdapter(new WsAdapter(app));
};

interface Message {
  readonly event: string;
  readonly data: unknown;
}

/** A player's connection, by either library. */
interface Connection {
  /** The next message that was not read yet. */
  next(): Promise<Message>;
  ask(event: string): Promise<unknown>;
  close(): void;
}

class Inbox {
  readonly #messages: Message[] = [];
  readonly #waiting: ((message: Message) => void)[] = [];

  put(message: Message): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#messages.push(message);
  }

  async next(): Promise<Message> {
    return this.#messages.shift() ?? new Promise(resolve => void this.#waiting.push(resolve));
  }
}

function connectWs(url: string, cookie: string): Connection {
  const inbox = new Inbox();
  const socket = new WebSocket(url.replace('http', 'ws'), { headers: cookie ? { cookie } : {} });
  socket.on('message', (text: Buffer) => inbox.put(JSON.parse(text.toString()) as Message));
  socket.on('error', error => inbox.put({ event: 'failed', data: error.message }));
  return {
    next: () => inbox.next(),
    async ask(event) {
      socket.send(JSON.stringify({ event }));
      const message = await inbox.next();
      return message.event === event ? message.data : message;
    },
    close: () => socket.close(),
  };
}

function connectIo(url: string, cookie: string, transport: 'websocket' | 'polling'): Connection {
  const inbox = new Inbox();
  const socket: IoSocket = io(url, {
    transports: [transport],
    forceNew: true,
    reconnection: false,
    extraHeaders: cookie ? { cookie } : {},
  });
  socket.onAny((event: string, data: unknown) => inbox.put({ event, data }));
  socket.on('connect_error', error => inbox.put({ event: 'failed', data: error.message }));
  return {
    next: () => inbox.next(),
    async ask(event) {
      socket.emit(event);
      const message = await inbox.next();
      return message.event === event ? message.data : message;
    },
    close: () => void socket.close(),
  };
}

let connections: Connection[] = [];
const tracked = (connection: Connection): Connection => {
  connections.push(connection);
  return connection;
};
beforeEach(() => {
  gone = new Deferred();
});
afterEach(() => {
  for (const connection of connections) connection.close();
  connections = [];
});

interface Library {
  readonly name: string;
  readonly configure?: (app: INestApplication) => void;
  readonly passesRequest: boolean;
  connect(url: string, cookie: string): Connection;
}

const libraries: readonly Library[] = [
  {
    name: 'platform-ws',
    configure: useWs,
    passesRequest: true,
    connect: (url, cookie) => tracked(connectWs(`${url}/game`, cookie)),
  },
  {
    name: 'socket.io by WebSocket',
    passesRequest: false,
    connect: (url, cookie) => tracked(connectIo(url, cookie, 'websocket')),
  },
  {
    name: 'socket.io by polling',
    passesRequest: false,
    connect: (url, cookie) => tracked(connectIo(url, cookie, 'polling')),
  },
];

/** socket.io has its own path, and takes `path` for that. */
@WebSocketGateway()
class IoGameGateway extends GameMessages {}

for (const { name, configure, passesRequest, connect } of libraries) {
  describeCells(`a gateway of ${name}`, backends, ({ platform, backend }) => {
    let running: RunningApp;
    let player: Browser;
    beforeAll(async () => {
      running = await startApp({
        platform,
        backend,
        controllers: [GameController],
        providers: [passesRequest ? GameGateway : IoGameGateway],
        ...(configure && { configure }),
      });
    });
    afterAll(() => running.close());
    beforeEach(async () => {
      player = running.browser();
      await player.post('/join');
    });

    it('has the session when a client connects, in its handlers and guards, and when the client goes', async () => {
      const connection = connect(running.url, player.cookie);
      expect(await connection.next()).toEqual({
        event: 'welcome',
        data: { loggedInAs: 'alice', score: 1, isNew: false, ...(passesRequest && { byRequest: 'alice' }) },
      });
      expect(await connection.ask('score')).toBe(1);
      expect(await connection.ask('one')).toBe(1);
      expect(await connection.ask('client')).toBe('alice');
      expect(await connection.ask('mine')).toBe('alice');
      connection.close();
      expect(await gone.promise).toBe('alice');
    });

    it('gives a visitor an empty session, and the guard refuses', async () => {
      const connection = connect(running.url, '');
      expect(await connection.next()).toMatchObject({ data: { loggedInAs: null, score: null, isNew: true } });
      expect(await connection.ask('mine')).toEqual({
        event: 'error',
        data: { code: 'Forbidden resource', user: null },
      });
    });

    it('reads the session for each message: a change and a logout elsewhere are seen', async () => {
      const connection = connect(running.url, player.cookie);
      await connection.next();
      expect(await connection.ask('score')).toBe(1);
      await player.post('/score');
      expect(await connection.ask('score')).toBe(2);
      await player.post('/leave');
      expect(await connection.ask('score')).toBeNull();
      expect(await connection.ask('mine')).toMatchObject({ event: 'error' });
    });

    it('save() and update() save, and an assignment alone is dropped', async () => {
      const connection = connect(running.url, player.cookie);
      await connection.next();
      expect(await connection.ask('assign')).toBe('blue');
      expect((await player.post('/score')).json()).toEqual({ score: 2 });
      expect(await connection.ask('save')).toBe('green');
      expect(await connection.ask('add')).toBe(12);
      expect((await player.post('/score')).json()).toEqual({ score: 13, room: 'green' });
    });

    it('ends the session, and refuses what would need a cookie', async () => {
      const connection = connect(running.url, player.cookie);
      await connection.next();
      expect(await connection.ask('login')).toEqual({
        event: 'error',
        data: { code: 'SESSION_HEAD_SENT', user: 'alice' },
      });
      expect(await connection.ask('leave')).toBeNull();
      expect((await player.post('/score')).json()).toEqual({ score: 1 });
    });
  });
}

describe.each(platforms)('gateways on $name', platform => {
  it.each(['with a path', 'without one'])('on a port of its own, %s, has the session', async title => {
    const port = await freePort();
    const path = title === 'with a path' ? '/game' : '';
    @WebSocketGateway(port, path ? { path } : {})
    class OwnPortGateway extends GameMessages {}
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      controllers: [GameController],
      providers: [OwnPortGateway],
      configure: useWs,
    });
    const player = running.browser();
    await player.post('/join');
    const connection = tracked(connectWs(`http://localhost:${port}${path}`, player.cookie));
    expect(await connection.next()).toMatchObject({ data: { loggedInAs: 'alice', byRequest: 'alice' } });
    expect(await connection.ask('mine')).toBe('alice');
    await running.close();
  });

  it('two of one adapter have the session of the client that is theirs', async () => {
    @WebSocketGateway({ path: '/other' })
    class OtherGateway extends GameMessages {}
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      controllers: [GameController],
      providers: [GameGateway, OtherGateway],
      configure: useWs,
    });
    const player = running.browser();
    await player.post('/join');
    const [game, other] = [
      tracked(connectWs(`${running.url}/game`, player.cookie)),
      tracked(connectWs(`${running.url}/other`, '')),
    ];
    await Promise.all([game.next(), other.next()]);
    expect(await Promise.all([game.ask('client'), other.ask('client')])).toEqual(['alice', null]);
    await running.close();
  });

  it('on a path of "exclude" are refused with an error, which is logged', async () => {
    @UseFilters(TellingFilter)
    @WebSocketGateway({ path: '/game' })
    class QuietGateway {
      @SubscribeMessage('score')
      score(@Session() session: Session<Game>) {
        return { event: 'score', data: session.score };
      }
    }
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      session: { exclude: ['/game'] },
      providers: [QuietGateway],
      configure: useWs,
    });
    const socket = new WebSocket(`${running.url.replace('http', 'ws')}/game`);
    await once(socket, 'open');
    socket.send('{"event":"score"}');
    const [text] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(text.toString())).toEqual({
      event: 'error',
      data: { code: 'SESSION_MISUSED', user: 'unknown' },
    });
    expect(running.logs.filter(line => line.startsWith('error'))[0]).toContain('this path is in "exclude"');
    socket.close();
    await running.close();
  });

  it('a store that fails is an error of the message, and the next message is answered', async () => {
    const store = new FaultyStore();
    const running = await startApp({
      platform,
      backend: { store },
      controllers: [GameController],
      providers: [GameGateway],
      configure: useWs,
    });
    const player = running.browser();
    await player.post('/join');
    const connection = tracked(connectWs(`${running.url}/game`, player.cookie));
    await connection.next();
    store.fail('load', { error: new Error('connection lost'), times: 1 });
    expect(await connection.ask('mine')).toMatchObject({ data: { code: 'SESSION_STORE_UNAVAILABLE' } });
    expect(await connection.ask('mine')).toBe('alice');
    await running.close();
  });

  it('a WebSocket server outside of Nest finds the session by the request, and not by the client', async () => {
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      controllers: [GameController],
    });
    const player = running.browser();
    await player.post('/join');
    const server = new WebSocketServer({ server: running.app.getHttpServer() as Server });
    const connected = once(server, 'connection') as Promise<[WebSocket, IncomingMessage]>;
    tracked(connectWs(running.url, player.cookie));
    const [client, request] = await connected;
    expect((await getSession(request)).loggedInAs).toBe('alice');
    await expect(getSession(client)).rejects.toThrow(/[Pp]ass the request/);
    client.terminate();
    server.close();
    await running.close();
  });
});
