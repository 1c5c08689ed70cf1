import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpAdapterHost } from '@nestjs/core';
import { SessionConfigError } from '../errors/session-config.error.js';
import { SessionUsageError } from '../errors/session.error.js';
import type { RequestSession } from '../lifecycle/request-session.js';
import { sessionOf, type SessionLifecycle } from '../lifecycle/session-lifecycle.js';
import type { SessionLog } from '../events/session-log.interface.js';
import type { SessionMembers } from '../session/session.interface.js';
import type { CurrentRequestSession } from './current-request-session.js';
import { makeExcludedSession } from './excluded-session.js';
import { makeHoldable } from '../http/held-methods.js';
import { addFirstHook, type Hookable } from './first-fastify-hook.js';

/** A request of Express, of Fastify or of Node. */
export type Request = IncomingMessage & { readonly raw?: IncomingMessage };
type Continue = () => void;
type OpenEarly = (request: IncomingMessage, response: ServerResponse, next: Continue) => void;

/** The lifecycle of each HTTP server, and of each port, to find the session of requests that no adapter sees. */
const byServer = new WeakMap<Server, SessionLifecycle>();
const byPort = new Map<number, SessionLifecycle>();

/**
 * Opens the session of each request before anything else of the application runs: middleware, guards, "not found". On
 * Express and on Fastify alike that includes what a given instance of the platform had registered before Nest got it.
 * An application context without HTTP has no adapter, and nothing is bound.
 *
 * @returns a function to call at application start. It throws the error that prevented binding; throwing inside the
 *   RxJS subscriber would be lost.
 */
export function bindToAdapter(
  host: HttpAdapterHost,
  lifecycle: SessionLifecycle,
  current: CurrentRequestSession,
): () => void {
  let conflict: SessionConfigError | undefined;
  host.init$.subscribe(() => {
    const adapter = host.httpAdapter;
    if (!adapter) return;
    const instance: unknown = adapter.getInstance();
    const openEarly = makeOpenEarly(lifecycle, current);
    const session = makeSessionProperty(makeExcludedSession(lifecycle.log), lifecycle.log);
    if (adapter.getType() === 'fastify')
      conflict = bindToFastify(instance as FastifyLike, openEarly, session);
    else bindToExpress(instance as ExpressLike, openEarly, session);
  });
  return () => {
    if (conflict) throw conflict;
  };
}

/**
 * Lets upgrade requests find their session. Is called at application start. Where `localhost` has two addresses,
 * Fastify listens with a second server that it does not show; its requests are found by the port.
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

/** Lets the requests of a gateway's server find their session: it may listen on a port of its own. */
export function serveGateway(request: IncomingMessage, lifecycle: SessionLifecycle): void {
  const { server } = request.socket as Socket & { readonly server?: Server };
  if (server && !byServer.has(server)) byServer.set(server, lifecycle);
}

/**
 * The RequestSession of a request. Every request that goes through the adapter has one. An upgrade request gets a new
 * one at each call, because its WebSocket outlives it. That includes an upgrade request that @fastify/websocket sends
 * through Fastify: its response is never sent, so it could not carry a cookie. `undefined`: the request is not one of
 * an application with SessionModule.
 */
export function requestSessionOf(request: Request): RequestSession | undefined {
  const raw: IncomingMessage & { readonly upgrade?: boolean } = request.raw ?? request;
  const known = sessionOf(raw);
  if (known && raw.upgrade !== true) return known;
  return raw.headers?.upgrade === undefined ? undefined : detachedSessionOf(raw);
}

/**
 * A new RequestSession, without a response, for a request that does not go through the adapter: an upgrade request, or
 * the request by which a socket.io client began to poll. A WebSocket outlives its request, so nothing is kept on the
 * request.
 */
export function detachedSessionOf(raw: IncomingMessage): RequestSession | undefined {
  return lifecycleOf(raw)?.beginUpgrade(raw);
}

/** Whether the request came in by the server of an application with SessionModule. */
export function isOurServer(request: Request): boolean {
  return lifecycleOf(request.raw ?? request) !== undefined;
}

function lifecycleOf(raw: IncomingMessage): SessionLifecycle | undefined {
  const socket = raw.socket as (Socket & { readonly server?: Server }) | undefined;
  return socket?.server && (byServer.get(socket.server) ?? byPort.get(socket.localPort ?? -1));
}

/**
 * `begin` and `open` must not throw or reject: no error handler runs around this code. The RequestSession keeps
 * a failure and throws it at the first look.
 */
function makeOpenEarly(lifecycle: SessionLifecycle, current: CurrentRequestSession): OpenEarly {
  const isEager = lifecycle.options.load === 'eager';
  return (request, response, next) => {
    const requestSession = lifecycle.begin(request, response);
    if (requestSession.isExcluded) return next();
    const loading = isEager ? requestSession.open() : undefined;
    if (loading) void loading.then(() => current.run(requestSession, next));
    else current.run(requestSession, next);
  };
}

// --- Express and Fastify --------------------------------------------------------------------------------------------

interface ExpressLike {
  readonly request: object;
  readonly response: object;
  /** What the server calls with a request, and an application that this one is mounted in. */
  handle(request: IncomingMessage, response: ServerResponse, done?: unknown): void;
}

export type SessionProperty = PropertyDescriptor & { get(this: Request): unknown; set(value: unknown): void };

interface FastifyLike extends Hookable {
  hasRequestDecorator(name: string): boolean;
  decorateRequest(name: string, accessor: { getter(): unknown; setter(value: unknown): void }): void;
}

/** The error is logged: that of a guard or a middleware passes no interceptor. */
function refuseAssignment(log: SessionLog): never {
  const error = new SessionUsageError(
    'request.session belongs to SessionModule and cannot be assigned. Is another session library in use? Use one of the two. To end a session call session.destroy()',
  );
  log.mistake(error);
  throw error;
}

/**
 * `request.session`, to be defined on a request or on a prototype of requests. On excluded paths its value is
 * `excluded`.
 */
export function makeSessionProperty(excluded: SessionMembers, log: SessionLog): SessionProperty {
  return {
    configurable: true,
    get(this: Request) {
      // Middleware that runs before an upgrade finds what was loaded for it.
      const requestSession = sessionOf(this.raw ?? this) ?? requestSessionOf(this);
      if (requestSession?.isExcluded) return excluded;
      return requestSession?.loadedSession().facade;
    },
    set: () => refuseAssignment(log),
  };
}

/**
 * `session` and the wrapped methods are on the prototypes that Express gives the requests and responses of this
 * application. There they cost a request nothing. The session opens in front of `handle`, not in a middleware: our
 * property must be on the request before Express changes its prototype (`lib/README.md`).
 */
function bindToExpress(app: ExpressLike, openEarly: OpenEarly, session: SessionProperty): void {
  makeHoldable(app.response);
  Object.defineProperty(app.request, 'session', session);
  const handle = app.handle.bind(app);
  app.handle = (request, response, done) =>
    openEarly(request, response, () => {
      // If something in front of us answered while the session was loading, a time limit for example, Express would
      // throw.
      if (!response.headersSent) handle(request, response, done);
    });
}

function bindToFastify(
  app: FastifyLike,
  openEarly: OpenEarly,
  session: SessionProperty,
): SessionConfigError | undefined {
  if (app.hasRequestDecorator('session')) {
    return new SessionConfigError([
      {
        option: 'SessionModule',
        message:
          'another plugin, perhaps @fastify/session, already defines request.session. Use one of the two',
      },
    ]);
  }
  app.decorateRequest('session', { getter: session.get, setter: session.set });
  addFirstHook(app, ({ raw }, reply, done) => {
    // Middleware gets the raw request. Its prototype is Node's own, which is not ours to change.
    Object.defineProperty(raw, 'session', session);
    openEarly(raw, reply.raw, done);
  });
  return undefined;
}
