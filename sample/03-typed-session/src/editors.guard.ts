import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { getSession } from 'nestjs-http-session';
import { Role } from './session-data.js';

/** Guards run before there is a handler: `getSession()` gives them the same session object. */
@Injectable()
export class EditorsGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await getSession(context);
    return session.loggedInAs !== undefined && session.role === Role.Editor;
  }
}
