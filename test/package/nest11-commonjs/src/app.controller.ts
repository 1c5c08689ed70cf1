import { Controller, Get } from '@nestjs/common';
import { Session } from 'nestjs-http-session';

interface Shop {
  views?: number;
  since?: Date;
}

@Controller()
export class AppController {
  @Get('views')
  views(@Session() session: Session<Shop>) {
    session.views = (session.views ?? 0) + 1;
    session.since ??= new Date();
    return { views: session.views, since: session.since.getTime() };
  }
}
