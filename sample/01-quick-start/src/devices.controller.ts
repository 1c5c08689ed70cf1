import { Body, Controller, Post, Redirect, UseGuards } from '@nestjs/common';
import { Session, Sessions } from 'nestjs-http-session';
import { devicesPage } from './pages/account.pages.js';
import { Layout } from './pages/layout.js';
import { Page } from './pages/page.js';
import type { ShopSession } from './shop-session.js';
import { SignedInGuard } from './signed-in.guard.js';

/** Shows where a person is signed in, and signs them out there. */
@Controller('devices')
@UseGuards(SignedInGuard)
export class DevicesController {
  constructor(
    private readonly layout: Layout,
    private readonly sessions: Sessions,
  ) {}

  @Page('/')
  async list(@Session() session: Session<ShopSession>) {
    const { loggedInAs = '', id } = session;
    const devices = await this.sessions.listByUser(loggedInAs);
    return this.layout.render('Where you are signed in', devicesPage(devices, id));
  }

  @Post('sign-out')
  @Redirect('/devices', 303)
  async signOutThere(@Session() session: Session<ShopSession>, @Body('id') id: unknown) {
    // With userId, a person can end their own sessions only, even if the form was tampered with.
    const ended = await this.sessions.revoke(String(id), { userId: session.loggedInAs });
    session.flash('good', ended ? 'Signed out there.' : 'That one was signed out already.');
  }

  @Post('sign-out-elsewhere')
  @Redirect('/devices', 303)
  async signOutElsewhere(@Session() session: Session<ShopSession>) {
    const { loggedInAs = '', id } = session;
    const count = await this.sessions.revokeByUser(loggedInAs, { except: id });
    session.flash(
      'good',
      count === 1 ? 'Signed out in one other place.' : `Signed out in ${count} other places.`,
    );
  }
}
