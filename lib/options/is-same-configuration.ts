import { isDeepStrictEqual } from 'node:util';
import type { SessionStoreType } from './store-types.js';
import type { SessionModuleOptions } from './session-options.interface.js';

type Given = SessionModuleOptions | SessionStoreType;

/** Whether two imports of the module have the same options. Stores and codecs must be the same objects. */
export function isSameConfiguration(one: Given, other: Given): boolean {
  const { store, codec, ...options } = asObject(one);
  const { store: otherStore, codec: otherCodec, ...otherOptions } = asObject(other);
  return store === otherStore && codec === otherCodec && isDeepStrictEqual(options, otherOptions);
}

const asObject = (given: Given): SessionModuleOptions =>
  typeof given === 'string' ? { type: given } : given;
