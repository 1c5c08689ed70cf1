import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { Session, Sessions } from 'nestjs-http-session';

@Controller()
export class AccountController {
  constructor(private readonly sessions: Sessions) {}

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.loggedInAs ?? 'nobody' };
  }

  @Post('sign-in')
  @HttpCode(200)
  async signIn(@Session() session: Session, @Body('name') name: string) {
    await session.login(name);
    const { length: devices } = await this.sessions.listByUser(name);
    return { user: name, devices };
  }

  /** The index of the store makes this possible. */
  @Post('sign-out-everywhere')
  @HttpCode(200)
  async signOutEverywhere(@Session() session: Session) {
    const { loggedInAs } = session;
    return { ended: loggedInAs === undefined ? 0 : await this.sessions.revokeByUser(loggedInAs) };
  }
}
