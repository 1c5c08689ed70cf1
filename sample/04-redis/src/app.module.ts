import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-http-session';
import { ShopModule } from '../../01-quick-start/src/shop.module.js';

/** The shop of the first sample, controllers and all, with its sessions in Redis. */
@Module({
  imports: [
    SessionModule.forRoot({ type: 'redis', url: process.env.REDIS_URL ?? 'redis://localhost:6379' }),
    ShopModule,
  ],
})
export class AppModule {}
