// Who takes part: the bare platform, the platform with a no-op interceptor and middleware, ours, and the peers.
// Each prepares a Nest application for sessions and says what Nest's decorator is that injects one.
import { Session as NestSession } from '@nestjs/common';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const DAY_MS = 86_400_000;
const SECRET = 'a secret of at least thirty-two characters';

/**
 * @typedef {object} Contestant
 * @property {'express' | 'fastify'} platform
 * @property {'platform' | 'ours' | 'peer'} kind
 * @property {string} store what keeps the sessions, for `--only`
 * @property {(build: string, folder: string) => Promise<Setup>} setUp with the build of ours, and a folder for files
 *
 * @typedef {object} Setup
 * @property {(...args: unknown[]) => ParameterDecorator} [decorator] injects the session into a handler
 * @property {unknown[]} [imports] modules
 * @property {(app: import('@nestjs/common').INestApplication) => unknown} [prepare] before `listen`
 */

const bare = { kind: 'platform', store: 'none', setUp: async () => ({}) };

const noop = {
  kind: 'platform',
  store: 'none',
  setUp: async () => ({
    prepare(app) {
      app.use((_request, _response, next) => next());
      app.useGlobalInterceptors({ intercept: (_context, next) => next.handle() });
    },
  }),
};

const ours = (type, load) => ({
  kind: 'ours',
  store: type,
  async setUp(build, folder) {
    const { Session, SessionModule } = await import(pathToFileURL(resolve(build, 'index.js')).href);
    const place = type === 'filesystem' ? { directory: folder } : {};
    return {
      decorator: Session,
      // The bench speaks plain HTTP, so the cookie must not ask for more.
      imports: [SessionModule.forRoot({ type, ...place, load, cookie: { secure: false } })],
    };
  },
});

const expressSession = store => ({
  kind: 'peer',
  store,
  async setUp(_build, folder) {
    const session = require('express-session');
    const FileStore = require('session-file-store')(session);
    const options = {
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: DAY_MS },
      store: store === 'memory' ? new session.MemoryStore() : new FileStore({ path: folder, logFn() {} }),
    };
    return { prepare: app => app.use(session(options)) };
  },
});

const fastifySession = {
  kind: 'peer',
  store: 'memory',
  async setUp() {
    const options = {
      secret: SECRET,
      saveUninitialized: false,
      rolling: false,
      cookie: { maxAge: DAY_MS, secure: false },
    };
    return {
      async prepare(app) {
        await app.register(require('@fastify/cookie'));
        await app.register(require('@fastify/session'), options);
      },
    };
  },
};

const OURS = [
  ['ours, memory', ours('memory', 'eager')],
  ['ours, memory, lazy', ours('memory', 'lazy')],
  ['ours, filesystem', ours('filesystem', 'eager')],
  ['ours, filesystem, lazy', ours('filesystem', 'lazy')],
];

const BY_PLATFORM = {
  express: [
    ['platform', bare],
    ['platform + no-op', noop],
    ...OURS,
    ['express-session, MemoryStore', expressSession('memory')],
    ['express-session, session-file-store', expressSession('filesystem')],
  ],
  fastify: [
    ['platform', bare],
    ['platform + no-op', noop],
    ...OURS,
    ['@fastify/session, memory', fastifySession],
  ],
};

/** @returns {Record<string, Contestant>} by name, `express: ours, memory` */
export const contestants = Object.fromEntries(
  Object.entries(BY_PLATFORM).flatMap(([platform, list]) =>
    list.map(([label, contestant]) => [`${platform}: ${label}`, { platform, ...contestant }]),
  ),
);

/** Nest's own decorator gives `request.session`, which is what the peers fill and the bare platform leaves empty. */
export const defaultDecorator = NestSession;
