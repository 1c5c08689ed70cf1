import { Catch, Controller, Get, Res, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { getSession, Session } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import type { PlatformResponse } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Data {
  before?: string;
  filter?: string;
}

class RefusedHead extends Error {}

const rawOf = (response: PlatformResponse): ServerResponse =>
  response.raw ?? (response as unknown as ServerResponse);

/** Sends a head that Node refuses: the value has a line break. */
function sendInvalidHead(response: PlatformResponse): void {
  try {
    rawOf(response).writeHead(200, { 'x-invalid': 'a\nb' });
  } catch (error) {
    throw new RefusedHead('Node refused the head', { cause: error });
  }
}

@Controller()
class RefusedController {
  @Get('unchanged')
  unchanged(@Session('before') _: unknown, @Res() response: PlatformResponse): void {
    sendInvalidHead(response);
  }

  @Get('changed')
  async changed(@Session() session: Session<Data>, @Res() response: PlatformResponse): Promise<void> {
    session.before = 'handler';
    await session.save();
    sendInvalidHead(response);
  }

  @Get('data')
  data(@Session() session: Session<Data>): object {
    return { ...session, user: session.loggedInAs ?? null };
  }
}

/** Answers for a refused head, and changes the session: that is still possible, because no head has left. */
@Catch(RefusedHead)
class RefusedHeadFilter implements ExceptionFilter {
  async catch(_: RefusedHead, host: ArgumentsHost): Promise<void> {
    const request = host.switchToHttp().getRequest<IncomingMessage & { query: { login?: string } }>();
    const response = host.switchToHttp().getResponse<PlatformResponse>();
    const session = await getSession<Data>(request);
    const wasSent = rawOf(response).headersSent;
    session.filter = 'assigned';
    const error =
      request.query.login === undefined
        ? undefined
        : await session.login('alice').catch((reason: unknown) => (reason as Error).message);
    response.status(400).send({ wasSent, error: error ?? null });
  }
}

describeCells('a head that Node refuses', backends, ({ platform, backend }) => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await startApp({
      platform,
      backend,
      controllers: [RefusedController],
      configure: nest => void nest.useGlobalFilters(new RefusedHeadFilter()),
    });
  });
  afterAll(() => app.close());

  it.each(['unchanged', 'changed'])('has not left: what a filter assigns then is saved (%s)', async path => {
    const browser = app.browser();
    const answer = await browser.request('GET', `/${path}`);
    expect([answer.status, answer.json()]).toEqual([400, { wasSent: false, error: null }]);
    expect(answer.setCookies).toHaveLength(1);
    const stored = (await browser.request('GET', '/data')).json();
    const before = path === 'changed' ? { before: 'handler' } : {};
    expect(stored).toEqual({ ...before, filter: 'assigned', user: null });
    expect(app.events.filter(({ type }) => type === 'rejected')).toEqual([]);
  });

  it.each(['unchanged', 'changed'])('has not left: a filter can sign in then (%s)', async path => {
    const browser = app.browser();
    const answer = await browser.request('GET', `/${path}?login`);
    expect([answer.status, answer.json()]).toEqual([400, { wasSent: false, error: null }]);
    expect(answer.setCookies).toHaveLength(1);
    expect((await browser.request('GET', '/data')).json()).toMatchObject({
      filter: 'assigned',
      user: 'alice',
    });
  });
});
