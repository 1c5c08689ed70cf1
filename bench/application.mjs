// A listening Nest application of one contestant.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { contestants, defaultDecorator } from './contestants.mjs';
import { keys, sample } from './sample.mjs';

/** Replaces the session for contestants without one. */
const noSession = { ...sample(), ...keys(100) };

const PATHS = { start10k: 'start-10k', start100k: 'start-100k', readOne: 'read-one' };

export async function startApplication(name, build, place) {
  const { platform, setUp } = contestants[name];
  const { decorator = defaultDecorator, imports = [], prepare } = await setUp(build, place);

  class BenchController {
    plain() {
      return { ok: true };
    }
    start(session) {
      Object.assign(session ?? noSession, sample());
      return { ok: true };
    }
    start10k(session) {
      Object.assign(session ?? noSession, keys(10));
      return { ok: true };
    }
    start100k(session) {
      Object.assign(session ?? noSession, keys(100));
      return { ok: true };
    }
    readOne(session) {
      const { key7 } = session ?? noSession;
      return { name: key7[0].user.name };
    }
    read(session) {
      const { views, user } = session ?? noSession;
      return { views, name: user.name };
    }
    write(session) {
      const held = session ?? noSession;
      held.views += 1;
      return { views: held.views };
    }
  }
  // Decorators are called as functions, so that nothing has to be compiled.
  for (const method of Object.getOwnPropertyNames(BenchController.prototype)) {
    if (method === 'constructor') continue;
    const descriptor = Object.getOwnPropertyDescriptor(BenchController.prototype, method);
    Get(PATHS[method] ?? method)(BenchController.prototype, method, descriptor);
    if (method !== 'plain') decorator()(BenchController.prototype, method, 0);
  }
  Controller()(BenchController);

  class BenchModule {}
  Module({ imports, controllers: [BenchController] })(BenchModule);

  const app = await NestFactory.create(BenchModule, await adapter(platform), { logger: false });
  await prepare?.(app);
  await app.listen(0, '127.0.0.1');
  return app;
}

async function adapter(name) {
  if (name === 'express') {
    const { ExpressAdapter } = await import('@nestjs/platform-express');
    return new ExpressAdapter();
  }
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return new FastifyAdapter();
}
