import { Module, type OnModuleInit } from '@nestjs/common';
import { Sessions, SessionModule } from 'nestjs-http-session';
import { AccountController } from './account.controller.js';
import { MySessionStore } from './my-session.store.js';

const TEN_MINUTES = 600_000;

@Module({
  imports: [SessionModule.forRoot({ store: new MySessionStore() })],
  controllers: [AccountController],
})
export class AppModule implements OnModuleInit {
  constructor(private readonly sessions: Sessions) {}

  /** The store removes expired sessions on request only. */
  onModuleInit(): void {
    setInterval(() => void this.sessions.prune(), TEN_MINUTES).unref();
  }
}
