import {
  Catch,
  Controller,
  Param,
  Post,
  Req,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { Session } from '../../lib/index.js';
import type { Answer, Browser } from './browser.js';

/** A test may treat any key as what it put there. */
type AnySession = Session<ReturnType<typeof JSON.parse>>;
type Part = (session: AnySession, request: StageRequest) => unknown;

/** What parts get of the platform's request. */
export interface StageRequest {
  readonly session: AnySession;
  readonly headers: Record<string, string | undefined>;
}

/** What came of one request. */
export interface Played<T> {
  readonly answer: Answer;
  /** What the part returned. */
  readonly value: T;
  /** What reached the application's exception filters, whether the part threw it or the commit. */
  readonly error: unknown;
}

interface Seen {
  value?: unknown;
  error?: unknown;
}

/**
 * A controller whose handler is written inside the test: `await play(browser, session => { … })` sends one request, and
 * the test sees the real values and errors, not their JSON.
 */
export function stage() {
  const parts = new Map<string, Part>();
  const seen = new Map<string, Seen>();

  @Controller('stage')
  class StageController {
    @Post(':part')
    async play(@Param('part') name: string, @Session() session: AnySession, @Req() request: StageRequest) {
      const value = await parts.get(name)?.(session, request);
      seen.set(name, { ...seen.get(name), value });
      return { played: true };
    }
  }

  /** Sees what reaches the filters, and lets Nest's own answer. */
  @Catch()
  class SeeingFilter implements ExceptionFilter {
    readonly #answer: ExceptionFilter['catch'];

    constructor(app: INestApplication) {
      const filter = new BaseExceptionFilter(app.getHttpAdapter());
      this.#answer = filter.catch.bind(filter);
    }

    catch(error: unknown, host: ArgumentsHost): void {
      const name = host.switchToHttp().getRequest<{ url: string }>().url.replace('/stage/', '');
      seen.set(name, { ...seen.get(name), error });
      this.#answer(error, host);
    }
  }

  async function play<T>(
    browser: Browser,
    part: (session: AnySession, request: StageRequest) => T | Promise<T>,
  ): Promise<Played<T>> {
    const name = `part${parts.size}`;
    parts.set(name, part);
    const answer = await browser.post(`/stage/${name}`);
    const { value, error } = seen.get(name) ?? {};
    return { answer, value: value as T, error };
  }

  return {
    controllers: [StageController],
    configure: (app: INestApplication) => void app.useGlobalFilters(new SeeingFilter(app)),
    play,
  };
}
