import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpAdapterHost } from '@nestjs/core';
import { SessionConfigError } from '../errors/session-config.error.js';
import { SessionUsageError } from '../errors/session.error.js';
import { HttpExchange } from '../lifecycle/http-exchange.js';
import type { SessionLifecycle } from '../lifecycle/session-lifecycle.js';
import type { SessionMembers } from '../session/session.interface.js';
import type { CurrentExchange } from './current-exchange.js';
import { makeExcludedSession } from './excluded-session.js';
import { makeHoldable } from '../http/hold-head.js';

type Request = IncomingMessage & { raw?: IncomingMessage };
type Continue = () => void;
type OpenEarly = (request: IncomingMessage, response: ServerResponse, next: Continue) => void;

/** Which lifecycle serves the requests of a server, or of a port: for upgrade requests, which no adapter sees. */
const byServer = new WeakMap<Server, SessionLifecycle>();
const byPort = new Map<number, SessionLifecycle>();

/**
 * Opens the session early, for everything that runs before Nest's interceptors: middleware, guards, "not found". What is
 * bound as soon as the adapter is there comes before all that `main.ts` registers; on Express also before what the user's own
 * instance had, on Fastify after the `onRequest` hooks that it had. An application context without HTTP has no adapter, and
 * nothing to bind.
 *
 * @returns a function that throws, at the application's start, what kept us from binding: a subscriber cannot
 */
export function bindToAdapter(
  host: HttpAdapterHost,
  lifecycle: SessionLifecycle,
  current: CurrentExchange,
): () => void {
  let conflict: SessionConfigError | undefined;
  host.init$.subscribe(() => {
    const adapter = host.httpAdapter;
    if (!adapter) return;
    const instance: unknown = adapter.getInstance();
    const openEarly = makeOpenEarly(lifecycle, current);
    const excluded = makeExcludedSession(lifecycle.log);
    if (adapter.getType() === 'fastify')
      conflict = bindToFastify(instance as FastifyLike, openEarly, excluded);
    else bindToExpress(instance as ExpressLike, openEarly, excluded);
  });
  return () => {
    if (conflict) throw conflict;
  };
}

/**
 * Lets upgrade requests find their session, from the application's start. On a machine where `localhost` has two
 * addresses Fastify listens with a second server of its own, which only the port tells to be ours.
 */
export function serveUpgrades(host: HttpAdapterHost, lifecycle: SessionLifecycle): void {
  const server = host.httpAdapter?.getHttpServer() as Server | undefined;
  if (!server || byServer.has(server)) return;
  byServer.set(server, lifecycle);
  server.once('listening', () => {
    const address = server.address();
    if (typeof address !== 'object' || !address) return;
    byPort.set(address.port, lifecycle);
    server.once('close', () => byPort.delete(address.port));
  });
}

/** The exchange of a request; for an upgrade request, which has none, a new one each time. */
export function exchangeOf(request: Request): HttpExchange | undefined {
  const raw = request.raw ?? request;
  const known = HttpExchange.of(raw);
  if (known) return known;
  const socket = raw.socket as (Socket & { server?: Server }) | undefined;
  if (!socket?.server) return undefined;
  const lifecycle = byServer.get(socket.server) ?? byPort.get(socket.localPort ?? -1);
  return lifecycle?.begin(raw, undefined, { isAttached: false });
}

/** Neither may throw or reject: nobody stands above us here. What fails is kept in the exchange. */
function makeOpenEarly(lifecycle: SessionLifecycle, current: CurrentExchange): OpenEarly {
  const isEager = lifecycle.options.load === 'eager';
  return (request, response, next) => {
    const exchange = lifecycle.begin(request, response);
    const loading = isEager && !exchange.isExcluded ? lifecycle.open(exchange) : undefined;
    if (loading) void loading.then(() => current.run(exchange, next));
    else current.run(exchange, next);
  };
}

// --- Express and Fastify --------------------------------------------------------------------------------------------

interface ExpressLike {
  readonly request: object;
  readonly response: object;
  /** What the server calls with a request, and an application that this one is mounted in. */
  handle(request: IncomingMessage, response: ServerResponse, done?: unknown): void;
}

interface FastifyLike {
  hasRequestDecorator(name: string): boolean;
  decorateRequest(name: string, accessor: { getter(): unknown; setter(value: unknown): void }): void;
  addHook(
    name: 'onRequest',
    hook: (request: { raw: IncomingMessage }, reply: { raw: ServerResponse }, done: Continue) => void,
  ): void;
}

/** The value of `request.session`, for a request of an application with this object for its excluded paths. */
function sessionOfRequest(request: Request, excluded: SessionMembers): unknown {
  const exchange = exchangeOf(request);
  if (exchange?.isExcluded) return excluded;
  return exchange?.lifecycle.sessionOf(exchange).facade;
}

function refuseAssignment(): never {
  throw new SessionUsageError(
    'request.session belongs to SessionModule and cannot be assigned. Is another session library in use? Use one of them; to end a session call session.destroy()',
  );
}

/**
 * `session` and the holdable methods are on the prototypes that this application gives its requests and responses, where they
 * cost a request nothing. Our own property has to be on the request before Express changes its prototype (`lib/README.md`),
 * so we stand in front of `handle`: a middleware would come too late.
 */
function bindToExpress(app: ExpressLike, openEarly: OpenEarly, excluded: SessionMembers): void {
  makeHoldable(app.response);
  Object.defineProperty(app.request, 'session', {
    configurable: true,
    get(this: Request) {
      return sessionOfRequest(this, excluded);
    },
    set: refuseAssignment,
  });
  const handle = app.handle.bind(app);
  app.handle = (request, response, done) =>
    openEarly(request, response, () => {
      // Somebody above us, with a time limit perhaps, has answered while the session was loaded. Express would throw.
      if (!response.headersSent) handle(request, response, done);
    });
}

function bindToFastify(
  app: FastifyLike,
  openEarly: OpenEarly,
  excluded: SessionMembers,
): SessionConfigError | undefined {
  if (app.hasRequestDecorator('session')) {
    return new SessionConfigError([
      {
        option: 'SessionModule',
        message: 'another plugin (@fastify/session?) already defines request.session; use one of them',
      },
    ]);
  }
  app.decorateRequest('session', {
    getter(this: Request) {
      return sessionOfRequest(this, excluded);
    },
    setter: refuseAssignment,
  });
  app.addHook('onRequest', (request, reply, done) => openEarly(request.raw, reply.raw, done));
  return undefined;
}
