import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  All,
  Catch,
  Controller,
  Get,
  Param,
  Post,
  Req,
  Res,
  UseFilters,
  type ArgumentsHost,
} from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { Session } from '../../lib/index.js';
import type { Answer, Browser, RequestOptions } from './browser.js';
import { startApp, type AppOptions, type RunningApp } from './start-app.js';
import type { Platform } from './platforms.js';

/** Data without types. */
export type AnyData = Record<string, unknown>;

// oxlint-disable-next-line typescript/no-explicit-any -- a test may use each key with any type
export type Untyped = any;

/** The parts of the Express and Fastify request that scripts use. */
export interface PlatformRequest {
  readonly session: Session<AnyData>;
  readonly headers: Record<string, string | undefined>;
  /** Fastify only: Node's request. */
  readonly raw?: IncomingMessage;
}

/** The parts of the Express and Fastify response that scripts use. */
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
  /** Fastify only: Node's response. */
  readonly raw?: ServerResponse;
}

export interface ScriptHttp {
  readonly request: PlatformRequest;
  readonly response: PlatformResponse;
  /** Node's request and response, on both platforms. */
  readonly rawRequest: IncomingMessage;
  readonly raw: ServerResponse;
  /** Waits until the test calls `finish()`. Only for scripts that are started with `begin()`. */
  readonly pause: () => Promise<void>;
}

/** The code of a handler in one test. */
export type Script<T = AnyData> = (session: Session<T>, http: ScriptHttp) => unknown;

const scripts = new Map<string, Script>();

function routed<T>(style: string, script: Script<T>): string {
  const name = String(scripts.size + 1);
  scripts.set(name, script as Script<never> as Script);
  return `/${style}/${name}`;
}

/** The path of a route that responds with the return value of the script. */
export const returning = <T = AnyData>(script: Script<T>): string => routed('returning', script);
/** The path of a route whose script sends the response, with `@Res()`. */
export const answering = <T = AnyData>(script: Script<T>): string => routed('answering', script);
/** The path of a route that responds with the return value, with `@Res({ passthrough: true })`. */
export const passing = <T = AnyData>(script: Script<T>): string => routed('passing', script);

/** The contents of the session, as `/me` returns them. */
export const facts = (session: Session<unknown>): object => ({
  user: session.loggedInAs ?? null,
  data: session,
});

/** Records the errors that reach the exception filters, and responds like Nest's own filter. */
@Catch()
class ObservingFilter extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    observations.get(host.switchToHttp().getRequest<{ url: string }>().url)!.error = error;
    super.catch(error, host);
  }
}

/**
 * Handlers whose code is in the test, because the application runs in the same process. Pass it to `startApp`.
 */
@Controller()
export class ScriptController {
  @All('returning/:name')
  returning(
    @Param('name') name: string,
    @Session() session: Session<AnyData>,
    @Req() request: PlatformRequest,
  ): unknown {
    return play(name, session, request, NO_RESPONSE);
  }

  @All('answering/:name')
  async answering(
    @Param('name') name: string,
    @Session() session: Session<AnyData>,
    @Req() request: PlatformRequest,
    @Res() response: PlatformResponse,
  ): Promise<void> {
    await play(name, session, request, response);
  }

  @All('passing/:name')
  passing(
    @Param('name') name: string,
    @Session() session: Session<AnyData>,
    @Req() request: PlatformRequest,
    @Res({ passthrough: true }) response: PlatformResponse,
  ): unknown {
    return play(name, session, request, response);
  }

  @Post('observed/:name')
  @UseFilters(ObservingFilter)
  observed(
    @Param('name') name: string,
    @Session() session: Session<AnyData>,
    @Req() request: PlatformRequest,
  ): unknown {
    return play(name, session, request, NO_RESPONSE);
  }

  @All('me')
  me(@Session() session: Session): object {
    return facts(session);
  }

  /** Does not use the session. */
  @Get('untouched')
  untouched(): object {
    return {};
  }
}

function play(
  name: string,
  session: Session<AnyData>,
  request: PlatformRequest,
  response: PlatformResponse,
): unknown {
  const script = scripts.get(name);
  if (!script) throw new Error(`there is no script ${name}`);
  const rawRequest = request.raw ?? (request as unknown as IncomingMessage);
  const raw = response.raw ?? (response as unknown as ServerResponse);
  return script(session, { request, response, rawRequest, raw, pause: neverPause });
}

/** The response object for routes without `@Res()`. A script that uses it fails. */
const NO_RESPONSE = new Proxy({} as PlatformResponse, {
  get(_, key) {
    if (key === 'raw') return NO_RESPONSE;
    throw new Error(`this route gets no response, so no ${String(key)}`);
  },
});

function neverPause(): never {
  throw new Error('this script cannot pause: start it with begin()');
}

/** Starts an application with scripts, over memory unless the options name another backend. */
export function startScriptedApp(
  platform: Platform,
  options: Partial<Omit<AppOptions, 'platform'>> = {},
): Promise<RunningApp> {
  const { controllers = [], ...others } = options;
  return startApp({
    platform,
    backend: { type: 'memory' },
    controllers: [ScriptController, ...controllers],
    ...others,
  });
}

/** The response of `/me`. */
export interface Me {
  readonly user: string | null;
  readonly data: AnyData;
}

/** The response of `/me` without a session. */
export const NO_SESSION: Me = { user: null, data: {} };

/** The body of the response if the store fails. */
export const UNAVAILABLE = { statusCode: 503, message: 'Service Unavailable' };

/** The contents of the browser's session. */
export async function me(browser: Browser): Promise<Me> {
  return (await browser.get('/me')).json<Me>();
}

/** A browser whose session holds this data. It is signed in if a user is given. */
export async function visitor(app: RunningApp, data: object = {}, user?: string): Promise<Browser> {
  const browser = app.browser();
  const { status, text } = await run(browser, async session => {
    if (user !== undefined) await session.login(user);
    Object.assign(session, data);
  });
  if (status !== 200) throw new Error(`the session could not be prepared: ${status} ${text}`);
  return browser;
}

interface RunOptions extends RequestOptions {
  readonly method?: string;
  /** Whether the script sends the response, with `@Res()`. */
  readonly answersItself?: boolean;
}

/** Sends one request whose handler is this script. Nest responds with its return value. */
export async function run<T = AnyData>(
  browser: Browser,
  script: Script<T>,
  options: RunOptions = {},
): Promise<Answer> {
  const { method = 'GET', answersItself = false, ...rest } = options;
  return browser.request(method, answersItself ? answering(script) : passing(script), rest);
}

/** A request whose script waits in `pause()`. */
export interface Paused {
  /** Lets the script continue, and waits for the response. */
  finish(): Promise<Answer>;
  /** Lets the script continue. */
  goOn(): void;
  readonly answer: Promise<Answer>;
}

/** Starts a request, and resolves when its script has reached `pause()`. */
export async function begin<T = AnyData>(
  browser: Browser,
  script: Script<T>,
  options: RunOptions = {},
): Promise<Paused> {
  let reach!: () => void;
  let goOn!: () => void;
  const reached = new Promise<void>(resolve => (reach = resolve));
  const released = new Promise<void>(resolve => (goOn = resolve));
  const pause = (): Promise<void> => {
    reach();
    return released;
  };
  const answer = run<T>(browser, (session, http) => script(session, { ...http, pause }), options);
  await Promise.race([
    reached,
    answer.then(({ status, text }) => {
      throw new Error(`the request was answered before its script reached pause(): ${status} ${text}`);
    }),
  ]);
  return {
    answer,
    goOn,
    finish() {
      goOn();
      return answer;
    },
  };
}

/** The outcome of one request, in the test's process: real values and errors, not their JSON. */
export interface Observed<V> {
  readonly answer: Answer;
  /** The return value of the script. */
  readonly value: V;
  /** The error that reached the exception filters. The script threw it, or the commit after the script. */
  readonly error: unknown;
}

const observations = new Map<string, { error?: unknown }>();

/** Sends one request whose handler is this script. Returns the response, the script's value and the thrown error. */
export async function observe<V>(
  browser: Browser,
  script: (session: Session<Untyped>, http: ScriptHttp) => V | Promise<V>,
): Promise<Observed<V>> {
  const observation: { value?: unknown; error?: unknown } = {};
  const path = routed<Untyped>('observed', async (session, http) => {
    observation.value = await script(session, http);
    return {};
  });
  observations.set(path, observation);
  const answer = await browser.post(path);
  return { answer, value: observation.value as V, error: observation.error };
}
