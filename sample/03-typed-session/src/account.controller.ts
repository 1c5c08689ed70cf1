import { BadRequestException, Body, Controller, Get, HttpCode, ParseEnumPipe, Post } from '@nestjs/common';
import { Session } from 'nestjs-http-session';
import { Greeter } from './greeter.js';
import { Role } from './session-data.js';

@Controller()
export class AccountController {
  constructor(private readonly greeter: Greeter) {}

  @Get('hello')
  hello() {
    return this.greeter.greet();
  }

  /** The sample believes every name and role. Your application checks the password, and looks up the role. */
  @Post('sign-in')
  @HttpCode(204)
  async signIn(
    @Session() session: Session,
    @Body('name') name: unknown,
    @Body('role', new ParseEnumPipe(Role)) role: Role,
  ) {
    if (typeof name !== 'string' || name === '') throw new BadRequestException('name is missing');
    await session.login(name);
    session.role = role;
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Session() session: Session) {
    await session.destroy();
  }
}
