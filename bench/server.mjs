// One contestant in a process of its own: node bench/server.mjs <contestant> <build folder> <place as JSON>
// Tells its parent `{ port }` when it listens, and then does what it is told.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { drive } from './drive.mjs';
import { contestants, defaultDecorator } from './contestants.mjs';
import { keys, sample } from './sample.mjs';

const [name, build, place] = process.argv.slice(2);
const { platform, setUp } = contestants[name];
const { decorator = defaultDecorator, imports = [], prepare } = await setUp(build, JSON.parse(place));

/** Stands in for a session where there is none. */
const noSession = { ...sample(), ...keys(100) };

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

const PATHS = { start10k: 'start-10k', start100k: 'start-100k', readOne: 'read-one' };

// Decorators by hand, so that nothing has to be compiled.
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

const inspector = new Session();
let load;
const commands = {
  // What the load generator does, without a network.
  open({ path, cookies }) {
    load = { path, cookies };
  },
  run: limit => drive(app.getHttpServer(), { ...load, ...limit }),
  close() {},

  /** The CPU time that the process has used, in µs. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  async startProfile() {
    inspector.connect();
    await inspector.post('Profiler.enable');
    await inspector.post('Profiler.setSamplingInterval', { interval: 200 });
    await inspector.post('Profiler.start');
  },
  async stopProfile({ file }) {
    const { profile } = await inspector.post('Profiler.stop');
    await writeFile(file, JSON.stringify(profile));
    inspector.disconnect();
  },
};

process.on('message', async message => {
  process.send({ done: await commands[message.command](message) });
});
process.on('disconnect', () => process.exit());
process.send({ port: app.getHttpServer().address().port });

async function adapter(name) {
  if (name === 'express') {
    const { ExpressAdapter } = await import('@nestjs/platform-express');
    return new ExpressAdapter();
  }
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return new FastifyAdapter();
}
