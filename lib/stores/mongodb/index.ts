export type {
  MongoClientLike,
  MongoCollectionLike,
  MongoSessionStoreOptions,
} from './mongodb-session-store-options.interface.js';
export { MongoSessionStore } from './mongodb.store.js';
