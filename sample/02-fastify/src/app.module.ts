import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-http-session';
import { ShopModule } from '../../01-quick-start/src/shop.module.js';

/** The shop of the first sample, controllers and all, with other options. */
@Module({
  imports: [
    SessionModule.forRootAsync({
      useFactory: () => ({
        type: 'filesystem',
        directory: process.env.SESSION_DIRECTORY ?? './.sessions',
        load: 'lazy', // read when something asks, and not before
        cookie: { maxAge: '30d' }, // keep the cookie when the browser closes …
        idleTimeout: '7d', // … and the session as long as somebody comes back within a week,
        absoluteTimeout: '30d', // for a month at most
      }),
    }),
    ShopModule,
  ],
})
export class AppModule {}
