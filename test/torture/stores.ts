import { setTimeout as wait } from 'node:timers/promises';
import type { SessionModuleOptions } from '../../lib/index.js';
import { outsideBackends, type Backend } from '../support/backends.js';
import { RedisServer } from '../support/redis-servers.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import type { Random } from './random.js';

/** A fault of the store or of the network in front of it. It is over when its promise resolves. */
export type StoreFault = (ms: number, random: Random) => Promise<void>;

/** A place for the sessions of one run. */
export interface TorturePlace {
  /** What each process gets: the same place, perhaps over a connection of its own. */
  readonly options: readonly SessionModuleOptions[];
  /** By their names in the log. */
  readonly faults: Readonly<Record<string, StoreFault>>;
  dispose(): Promise<void>;
}

export interface TortureStore {
  readonly name: string;
  /** Vitest's `describe` for tests over this store. */
  describe(name: string, tests: () => void): void;
  place(processes: number): Promise<TorturePlace>;
}

/** How a store is made to fail. A store with a server that is not named here is used through proxies. */
const PLACES: Readonly<Record<string, (backend: Backend, processes: number) => Promise<TorturePlace>>> = {
  filesystem: withoutFaults,
  redis: onOwnRedis,
};

/** Every store whose sessions outlive a process. */
export const tortureStores: readonly TortureStore[] = outsideBackends.map(backend => ({
  name: backend.name,
  describe: (name, tests) => backend.describe(name, tests),
  place: processes => (PLACES[backend.name] ?? throughProxies)(backend, processes),
}));

/** Only the processes fail. */
async function withoutFaults(backend: Backend, processes: number): Promise<TorturePlace> {
  const { options, dispose } = await backend.place();
  return { options: Array<SessionModuleOptions>(processes).fill(options), faults: {}, dispose };
}

/** A server that can be stopped, behind proxies. A Redis at `REDIS_URL` is only used through proxies. */
async function onOwnRedis(backend: Backend, processes: number): Promise<TorturePlace> {
  if (process.env.REDIS_URL !== undefined) return throughProxies(backend, processes);
  const server = await RedisServer.start();
  const place = await behindProxies({ type: 'redis', url: server.url, prefix: 'torture:' }, processes);
  return {
    options: place.options,
    faults: {
      ...place.faults,
      'the server is stopped': async ms => {
        server.freeze();
        await wait(ms);
        server.thaw();
      },
      'CLIENT PAUSE': async ms => void (await server.ask('CLIENT', 'PAUSE', Math.round(ms), 'ALL')),
    },
    dispose: async () => {
      await place.dispose();
      await server.stop();
    },
  };
}

async function throughProxies(backend: Backend, processes: number): Promise<TorturePlace> {
  const { options, dispose } = await backend.place();
  const place = await behindProxies(options as ServerOptions, processes);
  return {
    ...place,
    dispose: async () => {
      await place.dispose();
      await dispose();
    },
  };
}

/** Options of a store whose server is found by a URL. */
type ServerOptions = SessionModuleOptions & { readonly url: string };

/** A proxy in front of the server for each process. */
async function behindProxies(options: ServerOptions, processes: number): Promise<TorturePlace> {
  const port = Number(new URL(options.url).port);
  const proxies = await Promise.all(Array.from({ length: processes }, () => TcpProxy.start(port)));
  const one = (random: Random): TcpProxy => random.pick(proxies)!;
  return {
    options: proxies.map(proxy => ({ ...options, url: throughProxy(options.url, proxy.port) })),
    faults: {
      'the store pauses': async ms => {
        for (const proxy of proxies) proxy.freeze();
        await wait(ms);
        for (const proxy of proxies) proxy.thaw();
      },
      'the connection of one process pauses': async (ms, random) => {
        const proxy = one(random);
        proxy.freeze();
        await wait(ms);
        proxy.thaw();
      },
      'the answers to one process are lost': async (ms, random) => {
        const proxy = one(random);
        proxy.silence();
        await wait(ms);
        proxy.thaw();
      },
      'a connection is cut after the command and before its answer': async (_, random) =>
        one(random).cutAfter(0),
      'a connection is cut in the middle of an answer': async (_, random) =>
        one(random).cutAfter(Math.floor(random.between(1, 200))),
      'the connections of one process are reset': async (_, random) => one(random).reset(),
      'the store is slow': async (ms, random) => {
        for (const proxy of proxies) proxy.latencyMs = () => random.between(0, 40);
        await wait(ms);
        for (const proxy of proxies) proxy.latencyMs = () => 0;
      },
    },
    dispose: async () => void (await Promise.all(proxies.map(proxy => proxy.close()))),
  };
}

function throughProxy(url: string, port: number): string {
  const place = new URL(url);
  place.hostname = '127.0.0.1';
  place.port = String(port);
  // A member of a replica set would name the addresses of the members, which are not those of the proxy.
  if (place.protocol === 'mongodb:') {
    place.searchParams.delete('replicaSet');
    place.searchParams.set('directConnection', 'true');
  }
  return place.href;
}
