import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { MongoClient } from 'mongodb';

/** The database of the application. It connects when it is first used, and a shop would keep its orders there. */
@Module({
  providers: [
    {
      provide: MongoClient,
      useFactory: () =>
        new MongoClient(process.env.MONGODB_URI ?? 'mongodb://localhost:27017', {
          // The driver waits 30 seconds for a server, and without end for a connection. Here nobody waits that long.
          serverSelectionTimeoutMS: 2_000,
          waitQueueTimeoutMS: 2_000,
        }),
    },
  ],
  exports: [MongoClient],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly client: MongoClient) {}

  /** The session module closes what it has opened, and this client is ours. */
  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}
