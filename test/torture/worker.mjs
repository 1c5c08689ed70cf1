// An application in its own process, whose sessions are tortured.
// node worker.mjs <built lib> <express | fastify> <options of SessionModule as JSON>
// TORTURE_DEFECT names a defect that its store or its library gets: see defects.mjs.
import 'reflect-metadata';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Body, Controller, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { withDefect } from './defects.mjs';

const [, , lib, platform, json] = process.argv;
const load = path => import(pathToFileURL(join(lib, path)).href);
const { SessionModule, Session, Sessions } = await load('index.js');

/** What a request does with its session. Each gets the body of the request. */
const OPERATIONS = {
  me: () => undefined,
  set: (session, { key, value }) => void (session[key] = value),
  delete: (session, { key }) => void delete session[key],
  update: (session, { key, value }) => session.update(key, (list = []) => [...list, value]),
  take: (session, { key }) => session.take(key),
  flash: (session, { value }) => session.flash('note', value),
  flashes: session => session.flashes('note'),
  save: (session, { key, value }) => {
    session[key] = value;
    return session.save();
  },
  reload: async (session, { key, value }) => {
    session[key] = value; // dropped by the reload
    await session.reload();
    return viewOf(session);
  },
  touch: session => session.touch(),
  throw: (session, { key, value }) => {
    session[key] = value;
    throw new Error('thrown by the handler, so the session stays as it was');
  },
  login: (session, { user }) => session.login(user),
  regenerate: (session, { keep }) => session.regenerate({ keep }),
  destroy: session => session.destroy(),
  revoke: (_, { target }) => app.get(Sessions).revoke(target),
  revokeByUser: (_, { user }) => app.get(Sessions).revokeByUser(user),
  list: async (_, { user }) => (await app.get(Sessions).listByUser(user)).map(({ id }) => id),
};

class TortureController {
  async act(session, kind, body) {
    const seen = viewOf(session);
    const result = await OPERATIONS[kind](session, body);
    return { seen, result };
  }
}

function viewOf(session) {
  const { id, loggedInAs: user } = session;
  return id === undefined ? null : { id, user, data: { ...session } };
}

// Decorators are called as functions, because Node runs this file without a compiler.
const { prototype } = TortureController;
[Session(), Param('kind'), Body()].forEach((decorate, i) => decorate(prototype, 'act', i));
Post(':kind')(prototype, 'act', Object.getOwnPropertyDescriptor(prototype, 'act'));
Controller()(TortureController);

class AppModule {}
const options = await withDefect(process.env.TORTURE_DEFECT, JSON.parse(json), load);
Module({ imports: [SessionModule.forRoot(options)], controllers: [TortureController] })(AppModule);

const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: false });
/** The history needs the code of an error, which the library keeps from clients. */
app.useGlobalFilters({
  catch: (error, host) => {
    const status = error.getStatus?.() ?? 500;
    adapter.reply(host.switchToHttp().getResponse(), { status, code: error.code }, status);
  },
});
await app.listen(0, '127.0.0.1');
// A connection that the server closes while a request is on its way would look like a request without an answer.
app.getHttpServer().keepAliveTimeout = 600_000;
process.send({ port: app.getHttpServer().address().port });
process.on('disconnect', () => process.exit()); // the driver has ended
