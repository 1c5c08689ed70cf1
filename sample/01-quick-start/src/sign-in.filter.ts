import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { getSession } from 'nestjs-http-session';
import type { ShopSession } from './shop-session.js';
import { SignInNeeded } from './signed-in.guard.js';

/** Sends whoever has to sign in to the form, and notes the way back. */
@Catch(SignInNeeded)
export class SignInFilter implements ExceptionFilter<SignInNeeded> {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  async catch({ returnTo }: SignInNeeded, host: ArgumentsHost): Promise<void> {
    const session = await getSession<ShopSession>(host);
    session.returnTo = returnTo;
    session.flash('bad', 'Please sign in first.');
    // What a filter leaves in the session is saved like everything else, before the redirect goes out.
    this.adapterHost.httpAdapter.redirect(host.switchToHttp().getResponse(), 303, '/sign-in');
  }
}
