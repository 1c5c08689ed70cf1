import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { getSession } from 'nestjs-http-session';
import type { ShopSession } from './shop-session.js';
import { SignInNeeded } from './signed-in.guard.js';

/** Sends visitors who have to sign in to the form, and remembers the page that they wanted. */
@Catch(SignInNeeded)
export class SignInFilter implements ExceptionFilter<SignInNeeded> {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  async catch({ returnTo }: SignInNeeded, host: ArgumentsHost): Promise<void> {
    const session = await getSession<ShopSession>(host);
    session.returnTo = returnTo;
    session.flash('bad', 'Please sign in first.');
    // Changes that a filter makes are saved too, before the redirect is sent.
    this.adapterHost.httpAdapter.redirect(host.switchToHttp().getResponse(), 303, '/sign-in');
  }
}
