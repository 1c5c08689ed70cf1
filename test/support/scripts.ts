import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Controller, Get, Param, Req, Res } from '@nestjs/common';
import { Session } from '../../lib/index.js';
import type { Answer, Browser, RequestOptions } from './browser.js';

/** Answers by itself, in the framework's own words. */
export interface FrameworkResponse {
  /** Fastify's raw response; Express's response is one itself. */
  readonly raw?: ServerResponse;
  status(code: number): this;
  send(body?: unknown): unknown;
  redirect(url: string): unknown;
  header(name: string, value: string): this;
}

interface Meeting {
  script: (session: never, pause: () => Promise<void>, http: ScriptHttp) => unknown;
  pause: () => Promise<void>;
}

export interface ScriptHttp {
  readonly request: IncomingMessage;
  readonly response: FrameworkResponse;
}

/** What a handler does in one test. `pause()` waits there until the test says `finish()`. */
export type Script<T> = (session: Session<T>, pause: () => Promise<void>, http: ScriptHttp) => unknown;

const meetings = new Map<string, Meeting>();
let count = 0;

/**
 * Handlers whose code is in the test: the application runs in the test's process. Give it to `startApp` as a controller.
 */
@Controller()
export class ScriptController {
  /** Nest answers with what the script returns. */
  @All('run/:name')
  run(
    @Session() session: Session,
    @Param('name') name: string,
    @Req() request: IncomingMessage,
    @Res({ passthrough: true }) response: FrameworkResponse,
  ): unknown {
    const { script, pause } = meetings.get(name)!;
    return script(session as never, pause, { request, response });
  }

  /** The script answers by itself. */
  @All('answer/:name')
  async answer(
    @Session() session: Session,
    @Param('name') name: string,
    @Req() request: IncomingMessage,
    @Res() response: FrameworkResponse,
  ): Promise<void> {
    const { script, pause } = meetings.get(name)!;
    await script(session as never, pause, { request, response });
  }

  /** Has nothing to do with sessions. */
  @Get('untouched')
  untouched(): object {
    return {};
  }
}

interface RunOptions extends RequestOptions {
  readonly method?: string;
  /** The script answers by itself. */
  readonly answersItself?: boolean;
}

/** One request whose handler is this script. */
export async function run<T = Record<string, unknown>>(
  browser: Browser,
  script: Script<T>,
  options: RunOptions = {},
): Promise<Answer> {
  return ask(browser, { script, pause: neverPause }, options);
}

/** A request that has come to `pause()` in its script. */
export interface Paused {
  /** Lets it go on, and waits for its answer. */
  finish(): Promise<Answer>;
  /** Lets it go on. */
  goOn(): void;
  readonly answer: Promise<Answer>;
}

/** Begins a request and comes back when its script has reached `pause()`. */
export async function begin<T = Record<string, unknown>>(
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
  const answer = ask(browser, { script, pause }, options);
  await Promise.race([
    reached,
    answer.then(({ status, text }) => {
      throw new Error(`the request was answered before its script came to pause(): ${status} ${text}`);
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

/** Lets this many parties go on together, once all of them have come. */
export function meetingOf(parties: number): () => Promise<void> {
  let missing = parties;
  let open!: () => void;
  const opened = new Promise<void>(resolve => (open = resolve));
  return () => {
    if (--missing === 0) open();
    return opened;
  };
}

async function ask(browser: Browser, meeting: Meeting, options: RunOptions): Promise<Answer> {
  const { method = 'GET', answersItself = false, ...rest } = options;
  const name = String(++count);
  meetings.set(name, meeting);
  try {
    return await browser.request(method, `/${answersItself ? 'answer' : 'run'}/${name}`, rest);
  } finally {
    meetings.delete(name);
  }
}

function neverPause(): never {
  throw new Error('this script was started with run(); use begin() for one that pauses');
}
