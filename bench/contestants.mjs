// The contestants: the bare platform, the platform with a no-op interceptor and middleware, the platform with one bare
// command of a driver, ours, and the peers. Each sets up sessions in a Nest application and names the decorator that
// injects the session.
import { Session as NestSession, createParamDecorator } from '@nestjs/common';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mergeMap } from 'rxjs';
import { sample } from './sample.mjs';

const require = createRequire(import.meta.url);
const DAY_MS = 86_400_000;
const SECRET = 'a secret of at least thirty-two characters';

/** Larger than the default, because one scenario reads a session of 100 KB. */
const MAX_SIZE = 256 * 1024;

/**
 * @typedef {object} Contestant
 * @property {'express' | 'fastify'} platform
 * @property {'platform' | 'driver' | 'ours' | 'peer'} kind
 * @property {'none' | 'memory' | 'filesystem' | 'redis' | 'mongodb'} store the store of the sessions
 * @property {string[]} [scenarios] the scenarios that make sense for it, all if left out
 * @property {(build: string, place: Place) => Promise<Setup>} setUp with the build of ours
 *
 * @typedef {object} Place an empty place for sessions, used by one contestant only
 * @property {string} folder
 * @property {string} redisUrl
 * @property {string} mongodbUrl
 * @property {string} name for a database, or in front of keys
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

/** Reads one record with the driver and parses it. Every session library on this driver has to do at least that. */
const bareRead = (store, openReader) => ({
  kind: 'driver',
  store,
  scenarios: ['read'],
  async setUp(_build, place) {
    const read = await openReader(place);
    return { decorator: createParamDecorator(async () => JSON.parse(await read())) };
  },
});

const TEXT = JSON.stringify({ views: 1, user: { name: 'Ada Lovelace' }, padding: 'x'.repeat(250) });

const hgetall = bareRead('redis', async ({ redisUrl, name }) => {
  const { Redis } = await import('ioredis');
  const client = new Redis(redisUrl);
  await client.hset(`${name}:bare`, { text: TEXT });
  return async () => (await client.hgetall(`${name}:bare`)).text;
});

const findOne = bareRead('mongodb', async ({ mongodbUrl, name }) => {
  const { MongoClient } = await import('mongodb');
  const client = await MongoClient.connect(mongodbUrl);
  const collection = client.db(name).collection('bare');
  await collection.insertOne({ _id: 'bare', text: TEXT });
  return async () => (await collection.findOne({ _id: 'bare' })).text;
});

/**
 * A record with the same fields as ours, read in a middleware and written in an interceptor. The driver is used as its
 * README shows it, without cookie, expiry, comparison, atomic update, deadline or header. This is the floor for a
 * library that uses the driver in that way; ours sends some commands at a lower cost.
 */
const floor = (store, openRecord) => ({
  kind: 'driver',
  store,
  scenarios: ['read', 'write'],
  async setUp(_build, place) {
    const { read, write } = await openRecord(place);
    const RECORD = Symbol('record');
    const save = async answer => {
      await write(String(answer.views));
      return answer;
    };
    return {
      decorator: createParamDecorator((_, context) => {
        const request = context.switchToHttp().getRequest();
        const texts = (request.raw ?? request)[RECORD];
        return { views: JSON.parse(texts['d:views']), user: JSON.parse(texts['d:user']) };
      }),
      prepare(app) {
        app.use((request, _response, next) => {
          read().then(texts => {
            request[RECORD] = texts;
            next();
          }, next);
        });
        app.useGlobalInterceptors({
          intercept: (context, next) =>
            context.getHandler().name === 'write' ? next.handle().pipe(mergeMap(save)) : next.handle(),
        });
      },
    };
  },
});

/** One record per concurrent request, because writes to a single record would wait for each other. */
const RECORDS = 32;
let turn = 0;
const nextRecord = () => turn++ % RECORDS;

const facts = () => ({
  e: Date.now() + DAY_MS,
  s: Date.now(),
  m: JSON.stringify({ v: 1, createdAt: Date.now(), endsAt: Date.now() + DAY_MS }),
});
const texts = () =>
  Object.fromEntries(Object.entries(sample()).map(([key, value]) => [`d:${key}`, JSON.stringify(value)]));

const redisFloor = floor('redis', async ({ redisUrl, name }) => {
  const { Redis } = await import('ioredis');
  const client = new Redis(redisUrl);
  const keys = Array.from({ length: RECORDS }, (_, i) => `${name}:floor:${i}`);
  await Promise.all(keys.map(key => client.hset(key, { ...facts(), ...texts() })));
  return {
    read: () => client.hgetall(keys[nextRecord()]),
    write: text => client.hset(keys[nextRecord()], 'd:views', text),
  };
});

const mongodbFloor = floor('mongodb', async ({ mongodbUrl, name }) => {
  const { MongoClient } = await import('mongodb');
  const client = await MongoClient.connect(mongodbUrl);
  const collection = client.db(name).collection('floor', { writeConcern: { w: 'majority' } });
  await collection.insertMany(
    Array.from({ length: RECORDS }, (_, i) => ({ _id: i, ...facts(), d: texts() })),
  );
  return {
    read: async () => (await collection.findOne({ _id: nextRecord() })).d,
    write: text => collection.updateOne({ _id: nextRecord() }, { $set: { 'd.d:views': text } }),
  };
});

const OPTIONS_BY_STORE = {
  memory: () => ({}),
  filesystem: ({ folder }) => ({ directory: folder }),
  redis: ({ redisUrl, name }) => ({ url: redisUrl, prefix: `${name}:` }),
  mongodb: ({ mongodbUrl, name }) => ({ url: mongodbUrl, database: name }),
};

const ours = (type, load) => ({
  kind: 'ours',
  store: type,
  async setUp(build, place) {
    const { Session, SessionModule } = await import(pathToFileURL(resolve(build, 'index.js')).href);
    const options = { type, ...OPTIONS_BY_STORE[type](place), load, maxSize: MAX_SIZE };
    // The bench uses plain HTTP, so the cookie must not be Secure.
    return {
      decorator: Session,
      imports: [SessionModule.forRoot({ ...options, cookie: { secure: false } })],
    };
  },
});

/** The stores of the peers; connect-redis serves both. */
const PEER_STORES = {
  memory: () => new (require('express-session').MemoryStore)(),
  filesystem({ folder }) {
    const FileStore = require('session-file-store')(require('express-session'));
    return new FileStore({ path: folder, logFn() {} });
  },
  async redis({ redisUrl, name }) {
    const { RedisStore } = await import('connect-redis');
    const { createClient } = await import('redis');
    return new RedisStore({ client: await createClient({ url: redisUrl }).connect(), prefix: `${name}:` });
  },
  async mongodb({ mongodbUrl, name }) {
    const { default: MongoStore } = await import('connect-mongo');
    return MongoStore.create({ mongoUrl: mongodbUrl, dbName: name });
  },
};

const expressSession = store => ({
  kind: 'peer',
  store,
  async setUp(_build, place) {
    const options = {
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: DAY_MS },
      store: await PEER_STORES[store](place),
    };
    return { prepare: app => app.use(require('express-session')(options)) };
  },
});

const fastifySession = store => ({
  kind: 'peer',
  store,
  async setUp(_build, place) {
    const options = {
      secret: SECRET,
      saveUninitialized: false,
      rolling: false,
      cookie: { maxAge: DAY_MS, secure: false },
      // Without a store it uses its own memory store.
      ...(store !== 'memory' && { store: await PEER_STORES[store](place) }),
    };
    return {
      async prepare(app) {
        await app.register(require('@fastify/cookie'));
        await app.register(require('@fastify/session'), options);
      },
    };
  },
});

const COMMON = [
  ['platform', bare],
  ['platform + no-op', noop],
  ['platform + ioredis HGETALL', hgetall],
  ['platform + no-op + HGETALL, HSET', redisFloor],
  ['platform + mongodb findOne', findOne],
  ['platform + no-op + findOne, updateOne', mongodbFloor],
  ...Object.keys(OPTIONS_BY_STORE).map(store => [`ours, ${store}`, ours(store, 'eager')]),
  // Only over memory: there, the late load is the only difference.
  ['ours, memory, lazy', ours('memory', 'lazy')],
];

const BY_PLATFORM = {
  express: [
    ...COMMON,
    ['express-session, MemoryStore', expressSession('memory')],
    ['express-session, session-file-store', expressSession('filesystem')],
    ['express-session, connect-redis', expressSession('redis')],
    ['express-session, connect-mongo', expressSession('mongodb')],
  ],
  fastify: [
    ...COMMON,
    ['@fastify/session, memory', fastifySession('memory')],
    ['@fastify/session, connect-redis', fastifySession('redis')],
  ],
};

/** @returns {Record<string, Contestant>} by name, `express: ours, memory` */
export const contestants = Object.fromEntries(
  Object.entries(BY_PLATFORM).flatMap(([platform, list]) =>
    list.map(([label, contestant]) => [`${platform}: ${label}`, { platform, ...contestant }]),
  ),
);

/** Nest's own decorator injects `request.session`. The peers set it, and the bare platform leaves it empty. */
export const defaultDecorator = NestSession;
