import type { IncomingMessage } from 'node:http';

const SLOT = Symbol('nestjs-http-session');

interface Carrier extends IncomingMessage {
  [SLOT]?: unknown;
}

/** What we keep on a raw request: one property, put there before Express changes its prototype (`lib/README.md`). */
export function putInSlot(request: IncomingMessage, content: object): void {
  (request as Carrier)[SLOT] = content;
}

export function slotOf(request: IncomingMessage): unknown {
  return (request as Carrier)[SLOT];
}
