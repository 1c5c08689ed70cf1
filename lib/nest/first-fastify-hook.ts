import type { IncomingMessage, ServerResponse } from 'node:http';

/** A hook that runs when a request has come in, before Fastify reads its body. */
export type OnRequestHook = (
  request: { raw: IncomingMessage },
  reply: { raw: ServerResponse },
  done: (error?: Error) => void,
) => void;

/** The part of a Fastify instance, or of one of its contexts, that takes hooks. */
export interface Hookable {
  addHook(name: 'onRequest', hook: OnRequestHook): unknown;
}

/**
 * Adds an `onRequest` hook that runs before all others, those that were added earlier included. NestFactory registers
 * middie, which runs Nest's middleware in a hook, before it creates any module; so a hook of a module that is added in
 * the usual way would run after all middleware.
 *
 * Fastify has no public way to put a hook first. So this function puts it first in the list that each context keeps of
 * its hooks: the root, and the contexts of plugins that are loaded already. Contexts of later plugins copy the list of
 * their parent. If a future Fastify keeps its lists elsewhere, the hook is added in the usual way: then middleware that
 * asks for the session gets an error, and everything after it has the session.
 */
export function addFirstHook(app: Hookable, hook: OnRequestHook): void {
  const hooks = internal(app, 'fastify.hooks') as { onRequest?: unknown } | undefined;
  if (!Array.isArray(hooks?.onRequest)) {
    app.addHook('onRequest', hook);
    return;
  }
  hooks.onRequest.unshift(hook);
  const children = internal(app, 'fastify.children');
  if (Array.isArray(children)) for (const child of children as Hookable[]) addFirstHook(child, hook);
}

/** What Fastify keeps on an instance under one of its private symbols. */
function internal(app: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(app).find(one => one.description === description);
  return symbol && (app as Record<symbol, unknown>)[symbol];
}
