export type {
  MongoClientLike,
  MongoCollectionLike,
  MongoSessionStoreOptions,
} from './mongodb-store-options.interface.js';
export { MongoSessionStore } from './mongodb.store.js';
