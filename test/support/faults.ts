import 'reflect-metadata';
import { setTimeout as wait } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SessionModule, type SessionModuleOptions } from '../../lib/index.js';
import { Browser } from './browser.js';
import { KeepAliveLoad } from './keep-alive-load.js';
import { Counters, expectNobodyLoggedOut, longest, statusesOf, type Asked } from './outage.js';
import { platforms, type Platform } from './platforms.js';
import type { TcpProxy } from './tcp-proxy.js';

const STORE_TIMEOUT_MS = 1_000;
/** How late a response may be on a busy machine. */
const SLACK_MS = 1_000;
/** How soon the server must be in use again after its return. */
const RECOVERY_MS = 2_000;
const FAULT_MS = 1_500;
const CONNECTIONS = 10;

/** A database server behind a proxy. */
export interface FaultyServer {
  readonly proxy: TcpProxy;
  /** Stops the process; the kernel still accepts connections. Without `pause` the proxy holds all bytes instead. */
  pause?(): void;
  resume?(): void;
  stop?(): Promise<void>;
}

/** How to start one kind of database behind a proxy. A new store adds one of these. */
export interface FaultyBackend {
  start(): Promise<FaultyServer>;
  /** The options of a store whose server listens on this port. */
  options(port: number): SessionModuleOptions;
}

interface Fault {
  readonly name: string;
  begin(server: FaultyServer): unknown;
  /** Undoes what `begin` did. */
  end(server: FaultyServer): unknown;
}

interface Ending {
  readonly name: string;
  end(server: FaultyServer, fault: Fault): unknown;
}

const thaw = ({ proxy }: FaultyServer): void => proxy.thaw();

const silence: Fault = {
  name: 'gets requests whose replies are lost',
  begin: ({ proxy }) => proxy.silence(),
  end: thaw,
};

const faults: readonly Fault[] = [
  { name: 'is gone', begin: ({ proxy }) => proxy.refuse('fin'), end: ({ proxy }) => proxy.accept() },
  silence,
  { name: 'is behind a network that loses everything', begin: ({ proxy }) => proxy.dropAll(), end: thaw },
  {
    name: 'stands still',
    begin: server => (server.pause ? server.pause() : server.proxy.freeze()),
    end: server => (server.resume ? server.resume() : server.proxy.thaw()),
  },
  {
    name: 'answers later than the deadline',
    begin: ({ proxy }) => void (proxy.latencyMs = () => STORE_TIMEOUT_MS * 1.3),
    end: ({ proxy }) => void (proxy.latencyMs = () => 0),
  },
];

const closing: Ending = {
  name: 'comes back as all connections are closed',
  async end(server, fault) {
    await fault.end(server);
    server.proxy.cut('fin');
  },
};

const endings: readonly Ending[] = [
  { name: 'comes back', end: (server, fault) => fault.end(server) },
  closing,
  {
    name: 'comes back as all connections are reset',
    async end(server, fault) {
      await fault.end(server);
      server.proxy.cut('reset');
    },
  },
  {
    name: 'refuses connections for half a second before it comes back',
    async end(server, fault) {
      await fault.end(server);
      await server.proxy.refuse('fin');
      await wait(500);
      await server.proxy.accept();
    },
  },
];

/**
 * Tests an application under ten concurrent requests while its database fails and returns, for every fault and every
 * kind of return. Every request must be answered in time with 200 or 503, and never with another session. The first 200
 * must come within two seconds of the return.
 */
export function testFaults(backend: FaultyBackend): void {
  let server: FaultyServer;
  beforeEach(async () => {
    server = await backend.start();
  });
  afterEach(async () => {
    server.proxy.thaw();
    await server.proxy.close();
    await server.stop?.();
  });
  const [express, fastify] = platforms as readonly [Platform, Platform];

  for (const fault of faults) {
    for (const ending of endings) {
      it(`${fault.name}, and ${ending.name}, on ${express.name}`, () =>
        expectToComeBack(server, backend, fault, ending, express));
    }
  }
  it(`${silence.name}, and ${closing.name}, on ${fastify.name}`, () =>
    expectToComeBack(server, backend, silence, closing, fastify));
}

async function expectToComeBack(
  server: FaultyServer,
  backend: FaultyBackend,
  fault: Fault,
  ending: Ending,
  platform: Platform,
): Promise<void> {
  const session = { storeTimeout: STORE_TIMEOUT_MS, ...backend.options(server.proxy.port) };
  @Module({
    imports: [SessionModule.forRoot(session as SessionModuleOptions)],
    controllers: [Counters],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, platform.adapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const load = new KeepAliveLoad(url, await signedIn(url));
  try {
    await vi.waitFor(() => expect(load.answers.length).toBeGreaterThan(2 * CONNECTIONS), 5_000);
    const answeredBefore = load.answers.length;
    await fault.begin(server);
    await wait(FAULT_MS);
    await ending.end(server, fault);
    const backAt = performance.now();
    const served = () => load.answers.find(({ status, askedAt }) => status === 200 && askedAt > backAt);
    await vi.waitFor(() => expect(served()).toBeDefined(), { timeout: RECOVERY_MS + SLACK_MS, interval: 20 });
    const recoveredMs = served()!.answeredAt - backAt;
    // At least one more response for each connection shows that the store stays in use.
    const enough = load.answers.length + 2 * CONNECTIONS;
    await vi.waitFor(() => expect(load.answers.length).toBeGreaterThan(enough), { timeout: 5_000 });
    await load.stop();

    expect(load.errors).toEqual([]);
    expect(statusesOf(load.answers.slice(0, answeredBefore))).toEqual(new Set([200]));
    expect(load.answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    expectNobodyLoggedOut(load.answers);
    expect(longest(load.answers)).toBeLessThan(STORE_TIMEOUT_MS + SLACK_MS);
    expect(recoveredMs).toBeLessThan(RECOVERY_MS);
    if (process.env.FAULT_LOG) console.log(`${fault.name} | ${ending.name} | ${Math.round(recoveredMs)} ms`);
  } finally {
    await load.stop();
    await app.close();
  }
}

/** The requests of the connections. Each connection reads or writes its own session. */
async function signedIn(url: string): Promise<Asked[]> {
  return Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, i): Promise<Asked> => {
      const user = `user ${i}`;
      const browser = new Browser(url);
      expect((await browser.post(`/login/${user}`)).status).toBe(201);
      const { cookie } = browser;
      return i % 2 === 0
        ? { kind: 'read', user, path: '/read', cookie }
        : { kind: 'write', user, path: '/write', method: 'POST', cookie };
    }),
  );
}
