import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-http-session';
import { ShopModule } from '../../01-quick-start/src/shop.module.js';

/** The controllers, pages and guards of the first sample, with sessions in Redis. */
@Module({
  imports: [
    SessionModule.forRoot({ type: 'redis', url: process.env.REDIS_URL ?? 'redis://localhost:6379' }),
    ShopModule,
  ],
})
export class AppModule {}
