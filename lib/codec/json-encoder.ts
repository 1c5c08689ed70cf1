import { Buffer } from 'node:buffer';
import { BIGINT, BUFFER, BYTES, CONST, DATE, looksEscaped, MAP, SET } from './json-escapes.js';
import { describeInstance, kindOf } from './object-kind.js';
import { MAX_DEPTH, UnencodableValueError } from './session-codec.interface.js';

/** Thrown when the text must become longer than it may. */
export const TOO_LONG = new Error('the text is longer than it may be');

/**
 * One walk over one value: refuses what cannot be kept and puts escapes in place of what JSON does not know.
 *
 * A part with nothing special inside is given back as it is, so that a plain value costs the walk and no copy.
 * Nothing of the caller's is ever changed.
 */
export class JsonEncoder {
  /** The containers around the current value and the steps through them; both are valid up to `depth`. */
  private readonly ancestors: object[] = [];
  private readonly path: (string | number)[] = [];
  private depth = 0;

  /** @param room how many bytes the text may have. What certainly takes more ends the walk early, with `TOO_LONG`. */
  constructor(private room = Infinity) {}

  /** What `JSON.stringify` shall write for the value. */
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

  /** The error for what is at the current path. */
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
    // A hidden `toJSON` would be called by JSON.stringify; anything else hidden would be lost.
    if (Object.getOwnPropertyNames(object).length !== keys.length) throw this.refusal('a hidden property');
    const level = this.enter(object);
    let copy: Record<string, unknown> | undefined;
    for (const key of keys) {
      this.path[level] = key;
      this.take(key.length);
      const value = object[key];
      const escaped = this.escape(value);
      // An own `__proto__` is copied as an own property by the spread, so the assignment finds that and no setter.
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
      this.take(1); // here, so that a hole is found first, and the keys of a long array are never listed
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
    // Names are not looked for: listing them lists every byte's index too, which takes milliseconds for 64 KiB.
    this.refuseSymbols(bytes);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  }

  /**
   * Counts bytes that the text will have at least: a character of a string is one or more, an element has a comma or a
   * bracket, a key has quotes and a colon.
   */
  private take(bytes: number): void {
    this.room -= bytes;
    if (this.room < 0) throw TOO_LONG;
  }

  /** Steps into a container and gives back its level. */
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
