import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { getSession } from 'nestjs-http-session';
import { Role } from './session-data.js';

/** A guard has no parameters to decorate. `getSession()` returns the same session object that handlers get. */
@Injectable()
export class EditorsGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await getSession(context);
    return session.loggedInAs !== undefined && session.role === Role.Editor;
  }
}
