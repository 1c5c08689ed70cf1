import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-http-session';
import { ShopModule } from '../../01-quick-start/src/shop.module.js';

/** The controllers, pages and guards of the first sample, with other options. */
@Module({
  imports: [
    SessionModule.forRootAsync({
      useFactory: () => ({
        type: 'filesystem',
        directory: process.env.SESSION_DIRECTORY ?? './.sessions',
        load: 'lazy', // the session is loaded when a handler or a guard asks for it
        cookie: { maxAge: '30d' }, // the browser keeps the cookie when it closes
        idleTimeout: '7d', // the session ends after a week without a visit
        absoluteTimeout: '30d', // and after a month in any case
      }),
    }),
    ShopModule,
  ],
})
export class AppModule {}
