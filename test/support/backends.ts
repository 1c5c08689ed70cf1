import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Db } from 'mongodb';
import { afterAll, describe } from 'vitest';
import type { SessionModuleOptions } from '../../lib/index.js';
import { isChosen } from './chosen-stores.js';
import { anyMongoUrl, describeWithMongo, freshDatabase } from './mongodb-server.js';
import { anyRedisUrl, describeWithAnyRedis } from './redis-servers.js';

/** The place where a test stores its sessions. */
export interface BackendPlace {
  /** The options that name the place. They are plain data, except where tests share a store object. */
  readonly options: SessionModuleOptions;
  dispose(): Promise<void>;
}

export interface Backend<Place extends BackendPlace = BackendPlace> {
  readonly name: string;
  /** Vitest's `describe` for tests over this store. Without its server the tests are skipped; in CI they fail. */
  describe(name: string, tests: () => void): void;
  /** Creates a new, empty place. */
  place(): Promise<Place>;
}

/** A place outside the process. Applications with its options share the sessions, in the same process or in others. */
export interface OutsidePlace extends BackendPlace {
  /** Everything that a thief of the stored data would see, names included. */
  dump(): Promise<string>;
  /** Overwrites a part of the record, so that it can no longer be read. */
  spoil(id: string): Promise<unknown>;
}

export const memory: Backend = {
  name: 'memory',
  describe,
  place: async () => ({ options: { type: 'memory' }, dispose: async () => undefined }),
};

const filesystem: Backend<OutsidePlace> = {
  name: 'filesystem',
  describe,
  async place() {
    const parent = await mkdtemp(join(tmpdir(), 'nestjs-http-session-'));
    const directory = join(parent, 'sessions');
    const files = async (): Promise<string[]> => {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true });
      return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
    };
    return {
      options: { type: 'filesystem', directory },
      dispose: () => rm(parent, { recursive: true, force: true }),
      async dump() {
        const paths = await files();
        return [...paths, ...(await Promise.all(paths.map(path => readFile(path, 'latin1'))))].join('\n');
      },
      async spoil(id) {
        const path = (await files()).find(one => one.endsWith(id))!;
        await writeFile(path, 'not what it was');
      },
    };
  },
};

// Each test file uses one server or connection, opened when the first test needs it, with many places on it.
let redisClient: Promise<Redis> | undefined;
let mongoDatabase: Promise<Db> | undefined;
let places = 0;
afterAll(async () => (await redisClient)?.disconnect());

const redis: Backend<OutsidePlace> = {
  name: 'redis',
  describe: describeWithAnyRedis,
  async place() {
    redisClient ??= anyRedisUrl().then(url => new Redis(url));
    const client = await redisClient;
    const prefix = `e2e:${process.pid}:${places++}:`;
    const keys = (): Promise<string[]> => client.keys(`${prefix}*`);
    return {
      options: { type: 'redis', url: await anyRedisUrl(), prefix },
      async dispose() {
        for (const key of await keys()) await client.del(key);
      },
      async dump() {
        const all = (await keys()).map(async key => {
          const isHash = (await client.type(key)) === 'hash';
          return [key, isHash ? await client.hgetall(key) : await client.zrange(key, '0', '-1')];
        });
        return JSON.stringify(await Promise.all(all));
      },
      spoil: id => client.hset(prefix + id, 'e', 'not what it was'),
    };
  },
};

const mongodb: Backend<OutsidePlace> = {
  name: 'mongodb',
  describe: describeWithMongo,
  async place() {
    mongoDatabase ??= freshDatabase(anyMongoUrl());
    const database = await mongoDatabase;
    const name = `sessions-${places++}`;
    const documents = database.collection<{ _id: string; e: unknown }>(name);
    return {
      options: { type: 'mongodb', url: anyMongoUrl(), database: database.databaseName, collection: name },
      dispose: async () => void (await documents.drop()),
      dump: async () => JSON.stringify(await documents.find().toArray()),
      spoil: id => documents.updateOne({ _id: id }, { $set: { e: 'not what it was' } }),
    };
  },
};

/** The stores whose sessions outlive a process. */
export const outsideBackends: readonly Backend<OutsidePlace>[] = [filesystem, redis, mongodb].filter(
  ({ name }) => isChosen(name),
);

/** All stores that the e2e tests run over. */
export const backends: readonly Backend[] = [memory, ...outsideBackends];
