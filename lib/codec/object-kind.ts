import { Buffer } from 'node:buffer';
import { types } from 'node:util';

/**
 * What an object is, as far as the codec can keep it; `undefined` for class instances and all else.
 *
 * Objects of another realm (a `vm` context, Jest's sandbox) have other prototypes and must work too. So nothing is
 * compared with our own `Object.prototype` alone: brands and the length of the prototype chain decide. The length
 * tells a subclass, which would silently come back as its base class, and is therefore not kept.
 */
export type ObjectKind = 'object' | 'array' | 'date' | 'map' | 'set' | 'bytes' | 'buffer';

export function kindOf(value: object): ObjectKind | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) return prototype === Array.prototype || isBase(prototype) ? 'array' : undefined;
  if (prototype === Object.prototype || isPlainPrototype(prototype)) return 'object';
  if (prototype === Buffer.prototype) return types.isUint8Array(value) ? 'buffer' : undefined;
  if (types.isUint8Array(value)) return isBase(parentOf(prototype)) ? 'bytes' : undefined;
  if (!isBase(prototype)) return undefined;
  if (types.isDate(value)) return 'date';
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  return undefined;
}

/** What an object of no kind is, in words that complete "… cannot be kept". */
export function describeInstance(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value) ?? {};
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof made !== 'function') return 'an object with a prototype of its own';
  return made.name === '' ? 'an instance of a class' : `an instance of class ${made.name}`;
}

function parentOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined;
}

/** Some realm's `Object.prototype`. */
function isObjectPrototype(value: unknown): boolean {
  return (
    value === Object.prototype ||
    (parentOf(value) === null && Object.hasOwn(value as object, 'isPrototypeOf'))
  );
}

/** A prototype right below `Object.prototype`, such as `Map.prototype`. */
function isBase(prototype: unknown): boolean {
  return isObjectPrototype(parentOf(prototype));
}

/**
 * The prototype of a plain object: none, some realm's `Object.prototype`, or an empty object without a prototype,
 * which is what the parsed queries of Fastify and the parsed cookies of the `cookie` package have.
 */
function isPlainPrototype(prototype: unknown): boolean {
  if (prototype === null || isObjectPrototype(prototype)) return true;
  return parentOf(prototype) === null && Reflect.ownKeys(prototype as object).length === 0;
}
