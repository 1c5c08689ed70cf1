import {
  BadRequestException,
  Body,
  Catch,
  Controller,
  Get,
  Header,
  HttpCode,
  Injectable,
  Post,
  Redirect,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type PipeTransform,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getSession, Session } from '../../lib/index.js';
import { platforms } from '../support/platforms.js';
import { me, NO_SESSION, startScriptedApp } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';

type Anything = Session<Record<string, unknown>>;

/** Reads and writes the session before the interceptors run. */
@Injectable()
class CountingGuard implements CanActivate {
  async canActivate(context: ExecutionContext) {
    const session = await getSession<{ seen?: number }>(context);
    session.seen = (session.seen ?? 0) + 1;
    return true;
  }
}

@Injectable()
class ClosedDoorGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const { session } = context.switchToHttp().getRequest<{ session: Anything }>();
    session.attempts = Number(session.attempts ?? 0) + 1;
    return false;
  }
}

@Injectable()
class BrokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { session } = context.switchToHttp().getRequest<{ session: Anything }>();
    session.attempts = 1;
    throw new Error('a fault that the test made');
  }
}

@Injectable()
class RefusingPipe implements PipeTransform {
  transform(): never {
    throw new BadRequestException('refused by the pipe');
  }
}

@Controller('steps')
class StepsController {
  @Get('counted')
  @UseGuards(CountingGuard)
  counted(@Session('seen') seen: number) {
    return { seen };
  }

  @Get('closed')
  @UseGuards(ClosedDoorGuard)
  closed() {
    return 'never';
  }

  @Get('broken')
  @UseGuards(BrokenGuard)
  broken() {
    return 'never';
  }

  @Post('piped')
  @UseGuards(CountingGuard)
  piped(@Body(RefusingPipe) body: unknown) {
    return body;
  }

  @Get('redirect')
  @Redirect('/me', 303)
  redirect(@Session() session: Anything) {
    session.mark = 'redirected';
  }

  @Get('redirect-elsewhere')
  @Redirect('/nowhere')
  redirectElsewhere(@Session() session: Anything) {
    session.mark = 'redirected';
    return { url: '/me', statusCode: 307 };
  }

  @Get('header')
  @Header('cache-control', 'public, max-age=3600')
  @Header('x-one', '1')
  header(@Session() session: Anything) {
    session.mark = 'with headers';
    return 'text';
  }

  @Get('no-content')
  @HttpCode(204)
  noContent(@Session() session: Anything) {
    session.mark = 'no content';
  }
}

class Farewell extends Error {
  constructor(readonly style: 'answer' | 'teapot' | 'redirect' | 'fault') {
    super(style);
  }
}

@Controller('farewell')
class FarewellController {
  @Get('answer')
  answer(@Session() session: Anything) {
    return this.#leave(session, 'answer');
  }

  @Get('teapot')
  teapot(@Session() session: Anything) {
    return this.#leave(session, 'teapot');
  }

  @Get('redirect')
  redirect(@Session() session: Anything) {
    return this.#leave(session, 'redirect');
  }

  @Get('fault')
  fault(@Session() session: Anything) {
    return this.#leave(session, 'fault');
  }

  #leave(session: Anything, style: Farewell['style']): never {
    session.fromHandler = style;
    throw new Farewell(style);
  }
}

/** Answers for everything, and uses the session while it does. */
@Catch()
class UsingFilter implements ExceptionFilter {
  constructor(readonly host: HttpAdapterHost) {}

  async catch(error: unknown, host: ArgumentsHost) {
    const { httpAdapter } = this.host;
    const response: unknown = host.switchToHttp().getResponse();
    const session = await getSession<Record<string, unknown>>(host);
    const style = error instanceof Farewell ? error.style : 'answer';
    session.fromFilter = `after ${String(session.fromHandler)}`;
    if (style === 'redirect') httpAdapter.redirect(response, 302, '/me');
    else httpAdapter.reply(response, { style }, { answer: 200, teapot: 418, fault: 500 }[style]);
  }
}

describe.each(platforms)('guards, pipes and decorators on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { controllers: [StepsController] });
  });
  afterAll(() => running.close());

  it('a guard reads and writes, and the handler sees it', async () => {
    const browser = running.browser();
    const first = await browser.get('/steps/counted');
    expect(first.json()).toEqual({ seen: 1 });
    expect(first.setCookies).toHaveLength(1);
    const second = await browser.get('/steps/counted');
    expect(second.json()).toEqual({ seen: 2 });
    expect(second.setCookies).toEqual([]);
  });

  it('what a guard wrote before it rejects with 403 is saved, with one cookie', async () => {
    const browser = running.browser();
    const answer = await browser.get('/steps/closed');
    expect(answer.status).toBe(403);
    expect(answer.setCookies).toHaveLength(1);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    await browser.get('/steps/closed');
    expect((await me(browser)).data).toEqual({ attempts: 2 });
  });

  it('what a guard wrote before it failed is not saved', async () => {
    const browser = running.browser();
    const answer = await browser.get('/steps/broken');
    expect(answer.status).toBe(500);
    expect(answer.setCookies).toEqual([]);
    expect(await me(browser)).toEqual(NO_SESSION);
  });

  it('what a guard wrote is saved when a pipe refuses the body afterwards', async () => {
    const browser = running.browser();
    const answer = await browser.post('/steps/piped', { x: 1 });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('refused by the pipe');
    expect(answer.setCookies).toHaveLength(1);
    expect((await me(browser)).data).toEqual({ seen: 1 });
  });

  it.each([
    { path: '/steps/redirect', status: 303 },
    { path: '/steps/redirect-elsewhere', status: 307 },
  ])('@Redirect() of $path: the next request sees the change', async ({ path, status }) => {
    const browser = running.browser();
    const answer = await browser.get(path);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('location')).toBe('/me');
    expect(answer.setCookies).toHaveLength(1);
    expect((await me(browser)).data).toEqual({ mark: 'redirected' });
  });

  it('@Header(): its headers stay, except a cache-control that would let caches store the cookie', async () => {
    const browser = running.browser();
    const first = await browser.get('/steps/header');
    expect(first.headers.get('x-one')).toBe('1');
    expect(first.headers.get('cache-control')).toBe('no-store');
    const second = await browser.get('/steps/header');
    expect(second.setCookies).toEqual([]);
    expect(second.headers.get('cache-control')).toBe('public, max-age=3600');
  });

  it('204 carries the cookie', async () => {
    const browser = running.browser();
    const answer = await browser.get('/steps/no-content');
    expect(answer.status).toBe(204);
    expect(answer.setCookies).toHaveLength(1);
    expect((await me(browser)).data).toEqual({ mark: 'no content' });
  });
});

describe.each(platforms)('a filter that uses the session on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, {
      controllers: [FarewellController],
      configure: app => void app.useGlobalFilters(new UsingFilter(app.get(HttpAdapterHost))),
    });
  });
  afterAll(() => running.close());

  it.each([
    { style: 'answer', status: 200 },
    { style: 'teapot', status: 418 },
    { style: 'redirect', status: 302 },
  ])('$style: saved are the changes of handler and filter, with one cookie', async row => {
    const browser = running.browser();
    const answer = await browser.get(`/farewell/${row.style}`);
    expect(answer.status).toBe(row.status);
    expect(answer.setCookies).toHaveLength(1);
    expect((await me(browser)).data).toEqual({
      fromHandler: row.style,
      fromFilter: `after ${row.style}`,
    });
  });

  it('fault: a filter that answers 500 saves nothing', async () => {
    const browser = running.browser();
    const answer = await browser.get('/farewell/fault');
    expect(answer.status).toBe(500);
    expect(answer.setCookies).toEqual([]);
    expect(await me(browser)).toEqual(NO_SESSION);
  });

  it('an unknown route: the filter has a session there too', async () => {
    const browser = running.browser();
    const answer = await browser.get('/nowhere');
    expect(answer.status).toBe(200);
    expect(answer.setCookies).toHaveLength(1);
    expect((await me(browser)).data).toEqual({ fromFilter: 'after undefined' });
  });
});
