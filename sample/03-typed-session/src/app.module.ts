import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-http-session';
import { AccountController } from './account.controller.js';
import { DraftsController } from './drafts.controller.js';
import { Greeter } from './greeter.js';
import { PreferencesController } from './preferences.controller.js';

@Module({
  imports: [SessionModule.forRoot('memory')],
  controllers: [AccountController, PreferencesController, DraftsController],
  providers: [Greeter],
})
export class AppModule {}
