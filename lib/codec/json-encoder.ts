import { Buffer } from 'node:buffer';
import { BIGINT, BUFFER, BYTES, CONST, DATE, looksEscaped, MAP, SET } from './json-escapes.js';
import { describeInstance, kindOf } from './object-kind.js';
import { MAX_DEPTH, UnencodableValueError } from './session-codec.interface.js';

/** Thrown as soon as it is certain that the text will be longer than allowed. */
export const TOO_LONG = new Error('the text is longer than allowed');

/**
 * Walks over one value. It refuses what cannot be stored, and replaces what JSON does not know by escapes.
 *
 * A part that needs no escape is returned as it is, so a plain value costs the walk and no copy. The caller's objects
 * are never changed.
 */
export class JsonEncoder {
  /** The containers around the current value, and the path to it. Both are valid up to `depth`. */
  private readonly ancestors: object[] = [];
  private readonly path: (string | number)[] = [];
  private depth = 0;

  /** @param room how many bytes the text may have. If it needs more, the walk ends early and throws `TOO_LONG`. */
  constructor(private room = Infinity) {}

  /** Returns the value that `JSON.stringify` has to be given. */
  escape(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        this.take(value.length + 2);
        return value;
      case 'boolean':
        return value;
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : { [CONST]: nameOf(value) };
      case 'object':
        return value === null ? null : this.escapeObject(value);
      case 'undefined':
        return { [CONST]: 'undefined' };
      case 'bigint':
        return { [BIGINT]: String(value) };
      case 'symbol':
      case 'function':
        break;
    }
    throw this.refusal(`a ${typeof value}`);
  }

  /** Creates the error for the value at the current path. */
  refusal(what: string, cause?: unknown): UnencodableValueError {
    const error = new UnencodableValueError(this.path.slice(0, this.depth), what);
    if (cause !== undefined) error.cause = cause;
    return error;
  }

  private escapeObject(value: object): unknown {
    switch (kindOf(value)) {
      case 'object':
        return this.escapePlain(value as Record<string, unknown>);
      case 'array':
        return this.escapeArray(value as unknown[]);
      case 'date':
        return this.escapeDate(value as Date);
      case 'map':
        return this.escapeMap(value as Map<unknown, unknown>);
      case 'set':
        return this.escapeSet(value as Set<unknown>);
      case 'bytes':
        return { [BYTES]: this.base64(value as Uint8Array) };
      case 'buffer':
        return { [BUFFER]: this.base64(value as Uint8Array) };
      case undefined:
        break;
    }
    throw this.refusal(describeInstance(value));
  }

  private escapePlain(object: Record<string, unknown>): unknown {
    const keys = Object.keys(object);
    this.take(keys.length * 4 + 1);
    this.refuseSymbols(object);
    // `JSON.stringify` would call a non-enumerable `toJSON`, and would lose any other non-enumerable property.
    if (Object.getOwnPropertyNames(object).length !== keys.length) throw this.refusal('a hidden property');
    const level = this.enter(object);
    let copy: Record<string, unknown> | undefined;
    for (const key of keys) {
      this.path[level] = key;
      this.take(key.length);
      const value = object[key];
      const escaped = this.escape(value);
      // The spread copies an own `__proto__` as an own property, so this assignment does not reach the setter.
      if (escaped !== value) (copy ??= { ...object })[key] = escaped;
    }
    this.depth = level;
    const plain = copy ?? object;
    return looksEscaped(keys) ? { [`$${keys[0]}`]: plain[keys[0] as string] } : plain;
  }

  private escapeArray(array: unknown[]): unknown {
    this.refuseSymbols(array);
    const level = this.enter(array);
    let copy: unknown[] | undefined;
    for (let index = 0; index < array.length; index++) {
      this.path[level] = index;
      this.take(1); // per element: a hole is found before the keys of a long array would be listed
      const value = array[index];
      if (value === undefined && !(index in array)) throw this.refusal('a hole in an array');
      const escaped = this.escape(value);
      if (escaped !== value) (copy ??= array.slice())[index] = escaped;
    }
    this.depth = level;
    if (Object.keys(array).length !== array.length) throw this.refusal('an array with named properties');
    return copy ?? array;
  }

  private escapeDate(date: Date): unknown {
    this.refuseProperties(date, 'a Date');
    const time = Date.prototype.getTime.call(date);
    return { [DATE]: Number.isNaN(time) ? null : new Date(time).toISOString() };
  }

  private escapeMap(map: Map<unknown, unknown>): unknown {
    this.refuseProperties(map, 'a Map');
    this.take(map.size);
    const level = this.enter(map);
    const entries: [unknown, unknown][] = [];
    Map.prototype.forEach.call(map, (value: unknown, key: unknown) => {
      this.path[level] = entries.length;
      const escapedKey = this.escape(key);
      if (typeof key === 'string' || typeof key === 'number') this.path[level] = key;
      entries.push([escapedKey, this.escape(value)]);
    });
    this.depth = level;
    return { [MAP]: entries };
  }

  private escapeSet(set: Set<unknown>): unknown {
    this.refuseProperties(set, 'a Set');
    this.take(set.size);
    const level = this.enter(set);
    const values: unknown[] = [];
    Set.prototype.forEach.call(set, (value: unknown) => {
      this.path[level] = values.length;
      values.push(this.escape(value));
    });
    this.depth = level;
    return { [SET]: values };
  }

  private base64(bytes: Uint8Array): string {
    this.take(bytes.byteLength);
    // Named properties are not looked for: listing them also lists every index, which takes 6 ms for 64 KiB.
    this.refuseSymbols(bytes);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  }

  /**
   * Counts bytes that the text needs at least: one per character of a string, one per element (a comma or a bracket),
   * three per key (quotes and a colon).
   */
  private take(bytes: number): void {
    this.room -= bytes;
    if (this.room < 0) throw TOO_LONG;
  }

  /** Enters a container and returns its level. */
  private enter(container: object): number {
    const level = this.depth;
    for (let above = 0; above < level; above++) {
      if (this.ancestors[above] === container) throw this.refusal('a cycle');
    }
    if (level === MAX_DEPTH) throw this.refusal(`a value nested deeper than ${MAX_DEPTH} levels`);
    this.ancestors[level] = container;
    this.depth = level + 1;
    return level;
  }

  private refuseSymbols(value: object): void {
    if (Object.getOwnPropertySymbols(value).length > 0) throw this.refusal('a symbol key');
  }

  private refuseProperties(value: object, what: string): void {
    if (Reflect.ownKeys(value).length > 0) throw this.refusal(`${what} with properties of its own`);
  }
}

function nameOf(value: number): string {
  return value === 0 ? '-0' : String(value);
}
