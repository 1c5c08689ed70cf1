import { Module } from '@nestjs/common';
import { MongoClient } from 'mongodb';
import { SessionModule } from 'nestjs-http-session';
import { ShopModule } from '../../01-quick-start/src/shop.module.js';
import { DatabaseModule } from './database.module.js';

/** The controllers, pages and guards of the first sample, with sessions in the application's own database. */
@Module({
  imports: [
    SessionModule.forRootAsync({
      imports: [DatabaseModule],
      inject: [MongoClient],
      useFactory: (client: MongoClient) => ({ type: 'mongodb', client }),
    }),
    ShopModule,
  ],
})
export class AppModule {}
