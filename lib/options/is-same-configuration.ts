import { isDeepStrictEqual } from 'node:util';
import type { ForRootOptions, SessionModuleOptions } from './session-options.interface.js';

/** Whether two imports of the module have the same options. Stores and codecs must be the same objects. */
export function isSameConfiguration(one: ForRootOptions, other: ForRootOptions): boolean {
  const { store, codec, ...options } = asObject(one);
  const { store: otherStore, codec: otherCodec, ...otherOptions } = asObject(other);
  return store === otherStore && codec === otherCodec && isDeepStrictEqual(options, otherOptions);
}

const asObject = (given: ForRootOptions): SessionModuleOptions =>
  typeof given === 'string' ? { type: given } : given;
