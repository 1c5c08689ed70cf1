export type {
  MongoClientLike,
  MongoCollectionLike,
  MongoSessionStoreOptions,
} from './mongo-session-store-options.interface.js';
export { MongoSessionStore } from './mongodb.store.js';
