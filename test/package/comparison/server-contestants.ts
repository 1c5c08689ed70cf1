import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { INestApplication } from '@nestjs/common';
import { MongoStore } from 'connect-mongo';
import { RedisStore } from 'connect-redis';
import { MongoClient } from 'mongodb';
import { createClient } from 'redis';
import { Deferred } from '../../support/deferred.js';
import { platforms } from '../../support/platforms.js';
import type { RedisServer } from '../../support/redis-servers.js';
import { newAppOfOurs, newAppWithExpressSession, newAppWithFastifySession } from './common-shop.js';

/** An application with its sessions on a server. */
export interface Started {
  readonly app: INestApplication;
  /** What the application asks of the server meanwhile: the names of the commands. */
  commandsDuring(work: () => Promise<unknown>): Promise<readonly string[]>;
  /** Ends the client of it, if it was made here. */
  close(): Promise<void>;
}

/** Clients have the settings that their packages give them. */
export interface Contestant {
  readonly name: string;
  /** Of the README's table. */
  readonly column: string;
  /** With the server at this port. A deadline is given to ours alone: the others have none. */
  start(port: number, deadlineMs?: number): Promise<Started>;
}

export function onRedis(server: () => RedisServer): readonly Contestant[] {
  const started = (app: INestApplication, close = async () => undefined as void): Started => ({
    app,
    close,
    commandsDuring: work => monitored(server(), work),
  });
  return [
    ...platforms.map(platform => ({
      name: `ours over Redis, on ${platform.name}`,
      column: 'this library, Redis',
      async start(port: number, storeTimeout?: number) {
        const url = `redis://127.0.0.1:${port}`;
        return started(await newAppOfOurs(platform, { type: 'redis', url, storeTimeout }));
      },
    })),
    {
      name: 'express-session with connect-redis',
      column: 'express-session, connect-redis',
      async start(port) {
        const { store, close } = await nodeRedisStore(port);
        return started(await newAppWithExpressSession(store), close);
      },
    },
    {
      name: '@fastify/session with connect-redis',
      column: '@fastify/session, connect-redis',
      async start(port) {
        const { store, close } = await nodeRedisStore(port);
        return started(await newAppWithFastifySession(store), close);
      },
    },
  ];
}

export function onMongo(database: () => string): readonly Contestant[] {
  return [
    ...platforms.map(platform => ({
      name: `ours over MongoDB, on ${platform.name}`,
      column: 'this library, MongoDB',
      async start(port: number, storeTimeout?: number) {
        const { client, ...rest } = mongoClient(port);
        const options = { type: 'mongodb', client, database: database(), storeTimeout } as const;
        return { app: await newAppOfOurs(platform, options), ...rest };
      },
    })),
    {
      name: 'express-session with connect-mongo',
      column: 'express-session, connect-mongo',
      async start(port) {
        const { client, ...rest } = mongoClient(port);
        const store = MongoStore.create({ client, dbName: database(), collectionName: 'theirs' });
        return { app: await newAppWithExpressSession(store), ...rest };
      },
    },
  ];
}

async function nodeRedisStore(port: number) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  client.on('error', () => undefined); // without a listener it would end the process
  await client.connect();
  return { store: new RedisStore({ client }), close: async () => client.destroy() };
}

function mongoClient(port: number) {
  // Through this port only: a replica set would tell its own address.
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  const client = new MongoClient(url, { monitorCommands: true });
  let commands: string[] = [];
  client.on('commandStarted', ({ commandName }) => commands.push(commandName));
  return {
    client,
    close: () => client.close(),
    async commandsDuring(work: () => Promise<unknown>) {
      commands = [];
      await work();
      return commands;
    },
  };
}

/** Everything that clients send meanwhile; not what scripts do on the server. */
async function monitored(server: RedisServer, work: () => Promise<unknown>): Promise<readonly string[]> {
  await server.ask('ECHO', 'the connection for the end is there');
  const monitor = connect(server.port, '127.0.0.1');
  const commands: string[] = [];
  const begun = new Deferred();
  const ended = new Deferred();
  createInterface(monitor).on('line', line => {
    const [, source, name = ''] = /\[\d+ (\S+)\] "(\w+)"/.exec(line) ?? [];
    if (line === '+OK') begun.resolve();
    else if (name === 'ECHO') ended.resolve();
    else if (source !== 'lua') commands.push(name.toLowerCase());
  });
  monitor.write('MONITOR\r\n');
  await begun.promise;
  await work();
  await server.ask('ECHO', 'that was all');
  await ended.promise;
  monitor.destroy();
  return commands;
}
