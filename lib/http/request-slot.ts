import type { IncomingMessage } from 'node:http';
import type { HeadParticipant, Hold } from './head-participant.interface.js';

/**
 * What is kept on a raw request. Usually one application serves a request; when Nest applications are nested in each
 * other, every one of them adds its session here, and all of them share one hold of the response.
 */
export interface RequestSlot {
  /** Present from the first look at a session, or the first change, onwards. */
  hold: Hold | undefined;
  /** The session of each application that serves the request, outermost application first. */
  readonly sessions: HeadParticipant[];
}

const SLOT = Symbol('nestjs-http-session');

interface Carrier extends IncomingMessage {
  [SLOT]?: RequestSlot;
}

export function slotOf(request: IncomingMessage): RequestSlot | undefined {
  return (request as Carrier)[SLOT];
}

/** Adds a session to its request. This must happen before Express changes the request's prototype (`lib/README.md`). */
export function addToSlot(request: IncomingMessage, session: HeadParticipant): RequestSlot {
  const slot = (request as Carrier)[SLOT];
  if (!slot) return ((request as Carrier)[SLOT] = { hold: undefined, sessions: [session] });
  slot.sessions.push(session);
  return slot;
}
