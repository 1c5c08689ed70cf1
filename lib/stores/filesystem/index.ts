export { FileSessionStore, type FileSessionStoreOptions } from './filesystem.store.js';
