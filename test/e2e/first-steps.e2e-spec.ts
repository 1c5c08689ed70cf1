import { Controller, Get, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { makers, startApp, type RunningApp } from '../support/start-app.js';

interface Shop {
  views?: number;
  since?: Date;
}

@Controller()
class ShopController {
  @Get('views')
  views(@Session() session: Session<Shop>) {
    session.views = (session.views ?? 0) + 1;
    session.since ??= new Date(0);
    return { views: session.views, since: session.since.toISOString() };
  }

  @Post('login')
  async login(@Session() session: Session<Shop>) {
    await session.login('alice');
  }

  @Post('logout')
  async logout(@Session() session: Session<Shop>) {
    await session.destroy();
  }

  @Get('me')
  me(@Session() session: Session<Shop>) {
    return { user: session.loggedInAs ?? null, data: session };
  }

  @Get('plain')
  plain() {
    return {};
  }
}

describe.each(makers)('an application made by %s', madeBy => {
  describeCells('first steps', backends, ({ platform, backend }) => {
    let running: RunningApp;
    beforeAll(async () => {
      running = await startApp({ platform, backend, madeBy, controllers: [ShopController] });
    });
    afterAll(() => running.close());

    it('counts visits of one browser and keeps a Date a Date', async () => {
      const browser = running.browser();
      expect((await browser.get('/views')).json()).toEqual({ views: 1, since: '1970-01-01T00:00:00.000Z' });
      expect((await browser.get('/views')).json()).toEqual({ views: 2, since: '1970-01-01T00:00:00.000Z' });
      expect((await running.browser().get('/views')).json()).toMatchObject({ views: 1 });
    });

    it('gives a visitor who only reads no cookie', async () => {
      const browser = running.browser();
      expect((await browser.get('/plain')).setCookies).toEqual([]);
      expect((await browser.get('/me')).setCookies).toEqual([]);
    });

    it('signs in under a new id and keeps the data, and signs out', async () => {
      const browser = running.browser();
      await browser.get('/views');
      const before = browser.copy();
      await browser.post('/login');
      expect((await browser.get('/me')).json()).toMatchObject({ user: 'alice', data: { views: 1 } });
      expect((await before.get('/me')).json()).toEqual({ user: null, data: {} });
      const copy = browser.copy();
      await browser.post('/logout');
      expect(browser.cookies.size).toBe(0);
      expect((await copy.get('/me')).json()).toEqual({ user: null, data: {} });
    });
  });
});
