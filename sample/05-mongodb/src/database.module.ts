import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { MongoClient } from 'mongodb';

/** The application's own database, where a real shop would keep its orders. The client connects at its first use. */
@Module({
  providers: [
    {
      provide: MongoClient,
      useFactory: () =>
        new MongoClient(process.env.MONGODB_URI ?? 'mongodb://localhost:27017', {
          // By default the driver waits 30 seconds for a server, and without a limit for a connection of its pool.
          serverSelectionTimeoutMS: 2_000,
          waitQueueTimeoutMS: 2_000,
        }),
    },
  ],
  exports: [MongoClient],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly client: MongoClient) {}

  /** The session module does not close a client that it was given. */
  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}
