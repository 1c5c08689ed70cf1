import { Body, Controller, Post, Redirect } from '@nestjs/common';
import { Session } from 'nestjs-http-session';
import { signInPage } from './pages/account.pages.js';
import { Layout } from './pages/layout.js';
import { Page } from './pages/page.js';
import { findPerson } from './people.js';
import type { ShopSession } from './shop-session.js';

@Controller()
export class AccountController {
  constructor(private readonly layout: Layout) {}

  @Page('sign-in')
  form() {
    return this.layout.render('Sign in', signInPage());
  }

  @Post('sign-in')
  @Redirect('/', 303)
  async signIn(
    @Session() session: Session<ShopSession>,
    @Body('person') id: unknown,
    @Body('password') password: unknown,
  ) {
    const person = findPerson(id);
    if (!person || !password) {
      session.flash(
        'bad',
        person ? 'Any password will do, but type one.' : `Nobody here is called “${String(id)}”.`,
      );
      return { url: '/sign-in' };
    }
    const returnTo = await session.take('returnTo');
    await session.login(person.id); // the id changes, the old id is invalid, and the cart is kept
    session.flash('good', `Welcome, ${person.name}.`);
    return { url: returnTo ?? '/' };
  }

  @Post('sign-out')
  @Redirect('/', 303)
  async signOut(@Session() session: Session<ShopSession>) {
    await session.destroy();
    session.flash('good', 'You are signed out.'); // starts a new session, without a user
  }
}
