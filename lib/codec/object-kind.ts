import { Buffer } from 'node:buffer';
import { types } from 'node:util';

/** The kinds of objects that the codec can store. */
export type ObjectKind = 'object' | 'array' | 'date' | 'map' | 'set' | 'bytes' | 'buffer';

/**
 * The kind of an object; `undefined` for class instances and everything else that the codec refuses.
 *
 * Objects of another realm (a `vm` context, the sandbox of Jest) have other prototypes, and must work too. So an
 * object is not only compared with this realm's `Object.prototype`. Internal brands (`types.isDate` and the like) and
 * the length of the prototype chain decide. A longer chain is a subclass. It is refused, because it would be read
 * back as its base class.
 */
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

/** Describes an object that is refused, in words that complete "… cannot be kept". */
export function describeInstance(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value) ?? {};
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof made !== 'function') return 'an object with a prototype of its own';
  return made.name === '' ? 'an instance of a class' : `an instance of class ${made.name}`;
}

function parentOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined;
}

/** Whether a value is the `Object.prototype` of any realm. */
function isObjectPrototype(value: unknown): boolean {
  return (
    value === Object.prototype ||
    (parentOf(value) === null && Object.hasOwn(value as object, 'isPrototypeOf'))
  );
}

/** Whether a prototype is directly below `Object.prototype`, as `Map.prototype` is. */
function isBase(prototype: unknown): boolean {
  return isObjectPrototype(parentOf(prototype));
}

/**
 * Whether a prototype is that of a plain object: `null`, the `Object.prototype` of any realm, or an empty object
 * without a prototype. The last is the prototype of Fastify's parsed queries and of the parsed cookies of the
 * `cookie` package.
 */
function isPlainPrototype(prototype: unknown): boolean {
  if (prototype === null || isObjectPrototype(prototype)) return true;
  return parentOf(prototype) === null && Reflect.ownKeys(prototype as object).length === 0;
}
