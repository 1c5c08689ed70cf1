import { All, Controller, Param, Req, Res } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Session } from '../../lib/index.js';

/** As much of Express' and Fastify's response objects as these tests use. */
export interface PlatformResponse {
  status(code: number): this;
  send(body?: unknown): this;
  header(name: string, value: string | string[]): this;
  redirect(...args: unknown[]): unknown;
  /** Express only. */
  json(body: unknown): this;
  /** Express only. */
  sendFile(path: string): void;
  /** Fastify only. */
  hijack(): this;
}

/** What a handler has in hand. */
export interface HandlerContext {
  readonly session: Session<Record<string, unknown>>;
  readonly request: { readonly session: Session<Record<string, unknown>>; readonly raw?: IncomingMessage };
  readonly response: PlatformResponse;
  /** Node's own objects, on either platform. */
  readonly rawRequest: IncomingMessage;
  readonly raw: ServerResponse;
}

export type Handler = (context: HandlerContext) => unknown;

const handlers = new Map<string, Handler>();

function routed(style: string, handler: Handler): string {
  const name = String(handlers.size + 1);
  handlers.set(name, handler);
  return `/${style}/${name}`;
}

/** The path of a route that answers with what the handler returns. */
export const returning = (handler: Handler): string => routed('returning', handler);
/** The path of a route whose handler answers by itself, with `@Res()`. */
export const answering = (handler: Handler): string => routed('answering', handler);
/** The path of a route that answers with what the handler returns, with `@Res({ passthrough: true })`. */
export const passing = (handler: Handler): string => routed('passing', handler);

type Request = HandlerContext['request'] & IncomingMessage;
type Response = PlatformResponse & Partial<{ raw: ServerResponse }>;

/** For routes that have no response in hand: whoever uses it all the same hears about it. */
const NO_RESPONSE = new Proxy({} as Response, {
  get(_, key) {
    if (key === 'raw') return NO_RESPONSE;
    throw new Error(`this route has no response in hand, so no ${String(key)}`);
  },
});

function run(
  name: string,
  session: HandlerContext['session'],
  request: Request,
  response: Response,
): unknown {
  const handler = handlers.get(name);
  if (!handler) throw new Error(`no handler ${name}`);
  const raw = response.raw ?? (response as unknown as ServerResponse);
  return handler({ session, request, response, rawRequest: request.raw ?? request, raw });
}

/** Routes whose handlers a test writes where it needs them; and `/me`, which tells what a session holds. */
@Controller()
export class ScriptedController {
  @All('returning/:name')
  returning(
    @Param('name') name: string,
    @Session() session: Session<Record<string, unknown>>,
    @Req() request: Request,
  ): unknown {
    return run(name, session, request, NO_RESPONSE);
  }

  @All('answering/:name')
  async answering(
    @Param('name') name: string,
    @Session() session: Session<Record<string, unknown>>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await run(name, session, request, response);
  }

  @All('passing/:name')
  passing(
    @Param('name') name: string,
    @Session() session: Session<Record<string, unknown>>,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): unknown {
    return run(name, session, request, response);
  }

  @All('me')
  me(@Session() session: Session<Record<string, unknown>>) {
    return { user: session.loggedInAs ?? null, data: session };
  }
}

/** What `/me` answers. */
export interface Me {
  readonly user: string | null;
  readonly data: Record<string, unknown>;
}

export const nobody: Me = { user: null, data: {} };
