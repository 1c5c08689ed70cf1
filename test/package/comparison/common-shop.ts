import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import {
  Controller,
  Get,
  Param,
  Post,
  Redirect,
  Req,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import expressSession from 'express-session';
import { SessionModule, type SessionModuleOptions } from '../../../lib/index.js';
import { platforms, type Platform } from '../../support/platforms.js';

// All contestants run the same controller, which uses only what they have in common.

const SECRET = 'a secret of the tests that is long enough';

/** A session as Passport and the rest of the ecosystem use one. */
interface CommonSession {
  [key: string]: unknown;
  regenerate(callback: (error?: Error) => void): void;
  destroy(callback: (error?: Error) => void): void;
  update?(key: string, change: (value: unknown) => unknown): Promise<unknown>;
}

interface CommonRequest {
  session: CommonSession;
}

let meet: () => Promise<void> = () => Promise.resolve();

/** Where handlers wait for the test, from now on. */
export function letHandlersMeet(where: () => Promise<void>): void {
  meet = where;
}

@Controller()
class CommonController {
  @Get('data')
  data(@Req() { session }: CommonRequest) {
    const { user = null, count = 0 } = session;
    return { user, count, keys: Object.keys(session).filter(key => key.startsWith('item')).length };
  }

  @Get('plain')
  plain() {
    return {};
  }

  @Post('item/:key')
  async item(@Req() { session }: CommonRequest, @Param('key') key: string) {
    session[`item${key}`] = true;
    await meet();
  }

  @Post('slow-item')
  async slowItem(@Req() { session }: CommonRequest) {
    await meet();
    session.item = true;
  }

  @Post('count')
  async count(@Req() { session }: CommonRequest) {
    await meet();
    if (session.update) await session.update('count', (count = 0) => (count as number) + 1);
    else session.count = ((session.count as number | undefined) ?? 0) + 1;
  }

  @Post('redirect')
  @Redirect('/data', 303)
  redirect(@Req() { session }: CommonRequest) {
    session.itemOfRedirect = true;
  }

  @Post('slow-redirect')
  @Redirect('/data', 303)
  async slowRedirect(@Req() { session }: CommonRequest) {
    await meet();
    session.itemOfRedirect = true;
  }

  @Post('login')
  async login(@Req() request: CommonRequest) {
    await new Promise<void>((resolve, reject) => {
      request.session.regenerate(error => (error ? reject(error) : resolve()));
    });
    request.session.user = 'ada';
  }

  @Post('logout')
  async logout(@Req() { session }: CommonRequest) {
    await new Promise<void>((resolve, reject) => {
      session.destroy(error => (error ? reject(error) : resolve()));
    });
  }
}

const [onExpress, onFastify] = platforms;

async function newApp(
  platform: Platform,
  imports: Parameters<typeof Test.createTestingModule>[0]['imports'],
) {
  const module = await Test.createTestingModule({
    imports,
    controllers: [CommonController as Type],
  }).compile();
  return module.createNestApplication(platform.adapter(), { logger: false });
}

export function newAppOfOurs(platform: Platform, options: SessionModuleOptions): Promise<INestApplication> {
  return newApp(platform, [SessionModule.forRoot(options)]);
}

export async function newAppWithExpressSession(store: expressSession.Store): Promise<INestApplication> {
  const app = await newApp(onExpress!, []);
  app.use(expressSession({ secret: SECRET, resave: false, saveUninitialized: false, store }));
  return app;
}

export async function newAppWithFastifySession(
  store: fastifySession.SessionStore,
): Promise<INestApplication> {
  const app = await newApp(onFastify!, []);
  const fastify = app.getHttpAdapter().getInstance() as {
    register(plugin: unknown, options?: object): Promise<unknown>;
  };
  await fastify.register(fastifyCookie);
  await fastify.register(fastifySession, {
    secret: SECRET,
    saveUninitialized: false,
    rolling: false,
    cookie: { secure: false },
    store,
  });
  return app;
}
