// An application in its own process that reports how much memory it uses, for the test of leaks.
// node --expose-gc memory-use-worker.mjs <built lib> <express | fastify>
// It sends { port } when it listens, and { heapUsed } when it receives 'measure'.
import 'reflect-metadata';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Controller, Get } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';

const [, , lib, platform] = process.argv;
const fromLib = path => import(pathToFileURL(join(lib, path)).href);
const { SessionModule, Session, Sessions } = await fromLib('index.js');
const { SESSION_CLOCK } = await fromLib('session.constants.js');

class TrafficController {
  untouched() {
    return {};
  }
  begin(session) {
    session.since = new Date();
    session.count = 0;
  }
  read(session) {
    return { count: session.count, keys: Object.keys(session) };
  }
  write(session) {
    session.count += 1;
  }
  async update(session) {
    await session.update('updates', (n = 0) => n + 1);
    session.flash('info', 'updated');
  }
  async flashes(session) {
    return { messages: await session.flashes() };
  }
  async comeAndGo(session) {
    session.cart = ['tea'];
    await session.login('visitor');
    await session.regenerate({ keep: true });
    await session.destroy();
  }
  fail(session) {
    session.count = -1;
    throw new Error('on purpose');
  }
}
const { prototype } = TrafficController;
for (const method of Object.getOwnPropertyNames(prototype)) {
  if (method === 'constructor') continue;
  // Decorators are called as functions, because Node runs this file without a compiler.
  if (method !== 'untouched') Session()(prototype, method, 0);
  Get(method)(prototype, method, Object.getOwnPropertyDescriptor(prototype, method));
}
Controller()(TrafficController);

// Memory that is freed by time is not a leak, so the clock moves two days ahead before each measurement.
let passed = 0;
const clock = { now: () => Date.now() + passed };
const module = await Test.createTestingModule({
  imports: [SessionModule.forRoot({ type: 'memory', storeTimeout: 30_000 })],
  controllers: [TrafficController],
})
  .overrideProvider(SESSION_CLOCK)
  .useValue(clock)
  .compile();
const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = module.createNestApplication(adapter, { logger: false });
await app.listen(0, '127.0.0.1');

process.on('message', async () => {
  passed += 2 * 86_400_000;
  await app.get(Sessions).prune();
  for (let i = 0; i < 4; i++) {
    await new Promise(resolve => setImmediate(resolve));
    globalThis.gc();
  }
  process.send({ heapUsed: process.memoryUsage().heapUsed });
});
process.send({ port: app.getHttpServer().address().port });
