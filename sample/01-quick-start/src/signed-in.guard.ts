import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { getSession } from 'nestjs-http-session';

/** Admits people who are signed in. `SignInFilter` sends others to the sign-in form. */
export class SignInNeeded extends UnauthorizedException {
  constructor(readonly returnTo: string) {
    super();
  }
}

@Injectable()
export class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { loggedInAs } = await getSession(context);
    if (loggedInAs === undefined) throw new SignInNeeded('/devices');
    return true;
  }
}
