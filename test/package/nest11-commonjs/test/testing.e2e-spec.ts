import { CanActivate, ExecutionContext, INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { App } from 'supertest/types';
import { getSession, SESSION_CLOCK, SESSION_OPTIONS } from 'nestjs-http-session';
import {
  CookieJar,
  ManualClock,
  sessionOf,
  signIn,
  testContext,
  testSession,
} from 'nestjs-http-session/testing';
import { AppController } from '../src/app.controller';
import { AppModule } from '../src/app.module';

class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext) {
    return (await getSession(context)).loggedInAs !== undefined;
  }
}

describe('nestjs-http-session/testing under Jest', () => {
  let app: INestApplication<App>;
  const clock = new ManualClock();

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(SESSION_OPTIONS)
      .useValue({ type: 'memory', idleTimeout: '5m' })
      .overrideProvider(SESSION_CLOCK)
      .useValue(clock)
      .compile();
    app = module.createNestApplication();
    await app.init();
  });
  afterAll(() => app.close());

  it('signs a user in, and lets the session expire', async () => {
    const { cookie } = await signIn<{ views: number }>(app, 'ada', { data: { views: 6 } });
    const answer = await request(app.getHttpServer()).get('/views').set('Cookie', cookie).expect(200);
    expect(answer.body.views).toBe(7);
    expect(await sessionOf(app, cookie)).toMatchObject({ loggedInAs: 'ada', data: { views: 7 } });
    clock.advance('6m');
    expect(await sessionOf(app, cookie)).toBeUndefined();
  });

  it('keeps cookies in a jar', async () => {
    const jar = new CookieJar();
    jar.keep(await request(app.getHttpServer()).get('/views'));
    const answer = await request(app.getHttpServer()).get('/views').set('Cookie', jar.header());
    expect(answer.body.views).toBe(2);
  });

  it('makes sessions and contexts for unit tests', async () => {
    const session = testSession<{ views?: number; since?: Date }>({ views: 1 });
    expect(new AppController().views(session).views).toBe(2);
    expect(await new SignedInGuard().canActivate(testContext(session))).toBe(false);
    await session.login('ada');
    expect(await new SignedInGuard().canActivate(testContext(session))).toBe(true);
  });
});
