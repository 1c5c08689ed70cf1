import cluster from 'node:cluster';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const PROCESSES = 2;

/** Runs an application in two processes that share one address. They take connections in turn. */
export async function runInTwoProcesses(module: Type): Promise<void> {
  if (cluster.isPrimary) supervise();
  else await listen(module);
}

/** In production a process manager does this, or a load balancer in front of several machines. */
function supervise(): void {
  const hasListened = new Set<number>();
  let isStopping = false;
  cluster.on('listening', ({ id }, { port }) => {
    hasListened.add(id);
    if (hasListened.size === PROCESSES) console.log(`The shop is open: http://localhost:${port}`);
  });
  cluster.on('exit', ({ id }, code) => {
    if (isStopping) return;
    if (hasListened.has(id)) cluster.fork();
    else process.exit(code || 1); // it could not start and has logged why, so a new process would fail too
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      isStopping = true;
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
    });
  }
  for (let count = 0; count < PROCESSES; count++) cluster.fork();
}

async function listen(module: Type): Promise<void> {
  const app = await NestFactory.create(module, { logger: ['error', 'warn'] });
  app.enableShutdownHooks();
  app.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
    response.setHeader('X-Process', process.pid);
    // A browser would keep its connection to one process. Without keep-alive its next request meets the other one.
    response.setHeader('Connection', 'close');
    next();
  });
  await app.listen(process.env.PORT ?? 3000);
}
