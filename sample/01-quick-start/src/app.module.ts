import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-http-session';
import { ShopModule } from './shop.module.js';

@Module({
  imports: [SessionModule.forRoot({ type: 'filesystem', directory: './.sessions' }), ShopModule],
})
export class AppModule {}
