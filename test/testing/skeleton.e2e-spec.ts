import {
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { expect, it } from 'vitest';
import { getSession, Session, SESSION_CLOCK, SessionModule } from 'nestjs-http-session';
import {
  CookieJar,
  ManualClock,
  sessionOf,
  signIn,
  testContext,
  testSession,
} from 'nestjs-http-session/testing';

interface Data {
  cart: string[];
}

@Injectable()
class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext) {
    return (await getSession(context)).loggedInAs !== undefined;
  }
}

@Controller()
class CartController {
  @Get('cart')
  @UseGuards(SignedInGuard)
  cart(@Session() session: Session<Data>) {
    return { user: session.loggedInAs, cart: session.cart };
  }
  @Post('cart')
  add(@Session() session: Session<Data>) {
    session.cart = [...(session.cart ?? []), 'milk'];
    session.flash('info', 'added');
    return session.loggedInAs ?? 'visitor';
  }
}

@Module({ imports: [SessionModule.forRoot('memory')], controllers: [CartController] })
class AppModule {}

it('works', async () => {
  const clock = new ManualClock();
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(SESSION_CLOCK)
    .useValue(clock)
    .compile();
  const app = module.createNestApplication();
  await app.init();
  const { cookie, id } = await signIn<Data>(app, 'ada', { data: { cart: ['tea'] } });
  await request(app.getHttpServer()).get('/cart').expect(403);
  await request(app.getHttpServer())
    .get('/cart')
    .set('Cookie', cookie)
    .expect(200, { user: 'ada', cart: ['tea'] });
  expect(await sessionOf(app, cookie)).toMatchObject({ id, loggedInAs: 'ada', data: { cart: ['tea'] } });
  const jar = new CookieJar({ clock });
  const response = jar.keep(await request(app.getHttpServer()).post('/cart'));
  expect(await sessionOf(app, response)).toMatchObject({
    data: { cart: ['milk'] },
    flashes: [{ category: 'info', message: 'added' }],
  });
  await request(app.getHttpServer()).post('/cart').set('Cookie', jar.header());
  expect((await sessionOf<Data>(app, jar))?.data.cart).toEqual(['milk', 'milk']);
  clock.advance('61m');
  await request(app.getHttpServer()).get('/cart').set('Cookie', cookie).expect(403);
  await app.close();

  const session = testSession<Data>({ cart: ['tea'] }, { userId: 'ada' });
  expect(new CartController().add(session)).toBe('ada');
  expect(session.cart).toEqual(['tea', 'milk']);
  expect(await session.flashes('info')).toEqual(['added']);
  const before = session.id;
  await session.login('bob');
  expect(session.id).not.toBe(before);
  expect(session.cart).toBeUndefined();
  expect(await new SignedInGuard().canActivate(testContext(testSession({}, { userId: 'ada' })))).toBe(true);
  expect(await new SignedInGuard().canActivate(testContext())).toBe(false);
});
