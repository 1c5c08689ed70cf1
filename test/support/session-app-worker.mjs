// An application in its own process, for the tests with several processes.
// node session-app-worker.mjs <built lib> <express | fastify> <options of SessionModule as JSON>
// It sends { port } when it listens and { reached: true } when a slow handler waits. On 'go' that handler continues.
import 'reflect-metadata';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const [, , lib, platform, json] = process.argv;
const { SessionModule, Session, Sessions } = await import(pathToFileURL(join(lib, 'index.js')).href);

let go = () => undefined;
const pause = () =>
  new Promise(resolve => {
    go = resolve;
    process.send({ reached: true });
  });

class ShopController {
  async login(session, user) {
    await session.login(user);
  }
  me(session) {
    return { id: session.id, user: session.loggedInAs ?? null, data: session };
  }
  async logout(session) {
    await session.destroy();
  }
  set(session, key) {
    session[key] = key;
  }
  async increment(session) {
    return { n: await session.update('n', (n = 0) => n + 1) };
  }
  async take(session, key) {
    return { taken: await session.take(key) };
  }
  async revoke(id) {
    return { revoked: await app.get(Sessions).revoke(id) };
  }
  async revokeByUser(user) {
    return { revoked: await app.get(Sessions).revokeByUser(user) };
  }
  async slowWrite(session) {
    session.late = true;
    await pause();
  }
  async slowRotate(session) {
    await pause();
    await session.regenerate({ keep: true });
  }
}

// Decorators are called as functions, because Node runs this file without a compiler.
const routes = {
  login: ['login/:value', Session(), Param('value')],
  me: ['me', Session()],
  logout: ['logout', Session()],
  set: ['set/:value', Session(), Param('value')],
  increment: ['increment', Session()],
  take: ['take/:value', Session(), Param('value')],
  revoke: ['revoke/:value', Param('value')],
  revokeByUser: ['revoke-by-user/:value', Param('value')],
  slowWrite: ['slow-write', Session()],
  slowRotate: ['slow-rotate', Session()],
};
for (const [method, [path, ...parameters]] of Object.entries(routes)) {
  const { prototype } = ShopController;
  parameters.forEach((decorate, i) => decorate(prototype, method, i));
  Get(path)(prototype, method, Object.getOwnPropertyDescriptor(prototype, method));
}
Controller()(ShopController);

class AppModule {}
Module({ imports: [SessionModule.forRoot(JSON.parse(json))], controllers: [ShopController] })(AppModule);

const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');

process.on('message', async message => {
  if (message === 'go') go();
  if (message === 'close') {
    await app.close();
    process.disconnect(); // from here on, nothing in this file keeps the process alive
  }
});
process.send({ port: app.getHttpServer().address().port });
