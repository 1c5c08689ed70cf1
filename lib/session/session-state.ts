import type { SessionCodec } from '../codec/session-codec.interface.js';
import { SessionDataError } from '../errors/session.error.js';
import type { SessionMoments } from '../store/session-record.interface.js';
import { encodeValue } from './encode-value.js';
import { fieldOfKey, isDataField, isFlashField, keyOfField } from './session-fields.js';
import type { SessionMeta } from './session-meta.js';
import { sizeOf, valueTooLarge } from './session-size.js';

/** A session that is in the store: its secret, its id, and what the record said besides the data. */
export interface StoredIdentity {
  readonly sid: string;
  readonly id: string;
  readonly meta: SessionMeta;
  readonly moments: SessionMoments;
}

/** Texts by field, as the store holds them. */
export type Texts = Readonly<Record<string, string>>;

/** What a handler did to the data: texts to write and fields to remove. */
export interface SessionChange {
  readonly set: Texts;
  readonly delete: readonly string[];
}

/** What of the options concerns the data. */
export interface SessionDataOptions {
  readonly codec: SessionCodec;
  readonly maxSizeBytes: number;
}

/** A key that was read or assigned. Only these are compared at the end. */
interface Slot {
  readonly field: string;
  value: unknown;
  present: boolean;
  /** Assigned or deleted since the texts were last in step with the store. */
  assigned: boolean;
  /** The stored text cannot be decoded; it stays until something is assigned. */
  broken: boolean;
  /**
   * `change()` has taken it into account. An assignment makes a new slot, so one that comes while that change is being
   * written is none of it, and stays a change.
   */
  isCollected: boolean;
}

const NO_CHANGE: SessionChange = Object.freeze({ set: Object.freeze({}), delete: Object.freeze([]) });

/**
 * The data of one session during one request: the texts that the store holds, and what the handler made of them. It
 * decodes a key when it is first read, and tells at any time what has to be written. It never does I/O.
 */
export class SessionState {
  #texts: Texts;
  readonly #slots = new Map<string, Slot>();
  readonly #newFlashes = new Map<string, string>();
  /** The store has said that the session is gone. */
  ended = false;

  constructor(
    readonly options: SessionDataOptions,
    readonly onBrokenValue: (key: string) => void,
    public stored: StoredIdentity | undefined,
    texts: Texts = {},
  ) {
    this.#texts = texts;
  }

  /** What the store holds, as far as we know. Never changed in place: it may be the store's own object. */
  get texts(): Texts {
    return this.#texts;
  }

  get(key: string): unknown {
    return this.#slot(key)?.value;
  }

  has(key: string): boolean {
    const slot = this.#slots.get(key);
    return slot ? slot.present : Object.hasOwn(this.#texts, fieldOfKey(key));
  }

  set(key: string, value: unknown): void {
    this.#slots.set(key, {
      field: fieldOfKey(key),
      value,
      present: value !== undefined,
      assigned: true,
      broken: false,
      isCollected: false,
    });
  }

  keys(): string[] {
    const keys: string[] = [];
    for (const field in this.#texts) {
      if (isDataField(field) && this.has(keyOfField(field))) keys.push(keyOfField(field));
    }
    for (const [key, slot] of this.#slots) {
      if (slot.present && !Object.hasOwn(this.#texts, slot.field)) keys.push(key);
    }
    return keys;
  }

  addFlash(field: string, message: unknown, category: string): void {
    this.#newFlashes.set(field, this.encode(message, field, `flash(${JSON.stringify(category)})`));
  }

  /** Flash messages that are stored, and those that are not yet, oldest first. */
  flashFields(): string[] {
    return [...Object.keys(this.#texts).filter(isFlashField), ...this.#newFlashes.keys()].toSorted();
  }

  flashText(field: string): string | undefined {
    return this.#newFlashes.get(field) ?? this.#texts[field];
  }

  dropNewFlash(field: string): boolean {
    return this.#newFlashes.delete(field);
  }

  /**
   * The text of a key's unsaved change (`null`: it was removed), or `undefined` when there is none. It may be larger than
   * a session: for `update()` and `take()` it is only what they start from.
   *
   * @throws SessionDataError when the value cannot be encoded
   */
  pendingText(key: string): string | null | undefined {
    const slot = this.#slots.get(key);
    return slot && this.#pendingText(key, slot, false);
  }

  /**
   * Everything that was changed since the texts were last in step with the store.
   *
   * @throws SessionDataError when a value cannot be encoded, or is too large for the session
   */
  change(): SessionChange {
    if (this.#slots.size === 0 && this.#newFlashes.size === 0) return NO_CHANGE;
    let set: Record<string, string> | undefined;
    let removed: string[] | undefined;
    for (const [key, slot] of this.#slots) {
      const text = this.#pendingText(key, slot, true);
      slot.isCollected = true;
      if (text === null) (removed ??= []).push(slot.field);
      else if (text !== undefined) (set ??= {})[slot.field] = text;
    }
    for (const [field, text] of this.#newFlashes) (set ??= {})[field] = text;
    return set || removed ? { set: set ?? {}, delete: removed ?? [] } : NO_CHANGE;
  }

  /** Whether `change()` would find something. A value that cannot be encoded counts. */
  isChanged(): boolean {
    try {
      const change = this.change();
      return change !== NO_CHANGE;
    } catch (error) {
      if (error instanceof SessionDataError) return true;
      throw error;
    }
  }

  /** The store holds these texts now. Values that were edited meanwhile stay changes. */
  written(change: SessionChange): void {
    if (change === NO_CHANGE) return;
    const texts: Record<string, string> = { ...this.#texts, ...change.set };
    for (const field of change.delete) delete texts[field];
    this.#texts = texts;
    for (const field of [...Object.keys(change.set), ...change.delete]) {
      this.#newFlashes.delete(field);
      if (!isDataField(field)) continue;
      const slot = this.#slots.get(keyOfField(field));
      if (slot?.isCollected) slot.assigned = false;
    }
  }

  /** What a key is in hand as; to be given back to `adopt`. */
  mark(key: string): unknown {
    return this.#slots.get(key);
  }

  /**
   * The store holds this text under a field (`null`: nothing), whoever wrote it, and the key reads so from now on; unless
   * it was assigned since `mark`.
   */
  adopt(field: string, text: string | null, mark?: unknown): void {
    const { [field]: _, ...others } = this.#texts;
    this.#texts = text === null ? others : { ...others, [field]: text };
    if (isDataField(field) && this.#slots.get(keyOfField(field)) === mark)
      this.#slots.delete(keyOfField(field));
  }

  /**
   * The session goes on under a new identity. Values in hand stay the same objects, but for those that do not follow
   * and those that somebody else has written meanwhile.
   */
  rotated(
    stored: StoredIdentity | undefined,
    texts: Texts,
    sent: Texts,
    carries: (field: string) => boolean,
  ): void {
    for (const [key, slot] of this.#slots) {
      const { field } = slot;
      if (slot.assigned && !slot.isCollected) continue; // assigned while the rotation was under way
      if (!carries(field) || texts[field] !== sent[field]) this.#slots.delete(key);
      else slot.assigned = stored === undefined && slot.assigned;
    }
    for (const field of this.#newFlashes.keys()) {
      if (stored !== undefined || !carries(field)) this.#newFlashes.delete(field);
    }
    this.stored = stored;
    this.#texts = texts;
    this.ended = false;
  }

  /** Gives what no store holds yet to the state that takes this one's place. */
  handOver(next: SessionState, carries: (field: string) => boolean): void {
    for (const [key, slot] of this.#slots) if (carries(slot.field)) next.set(key, slot.value);
    for (const [field, text] of this.#newFlashes) if (carries(field)) next.#newFlashes.set(field, text);
  }

  moved(moments: SessionMoments): void {
    if (this.stored) this.stored = { ...this.stored, moments };
  }

  /** The value of a text, as a fresh copy. A broken text is reported, and reads as `undefined`. */
  decode(key: string, text: string): { readonly value: unknown; readonly isBroken: boolean } {
    try {
      return { value: this.options.codec.decode(text), isBroken: false };
    } catch {
      this.onBrokenValue(key); // the text is kept
      return { value: undefined, isBroken: true };
    }
  }

  #slot(key: string): Slot | undefined {
    const known = this.#slots.get(key);
    if (known) return known;
    const field = fieldOfKey(key);
    const text = this.#texts[field];
    if (text === undefined) return undefined;
    const { value, isBroken } = this.decode(key, text);
    const slot: Slot = {
      field,
      value,
      present: true,
      assigned: false,
      broken: isBroken,
      isCollected: false,
    };
    this.#slots.set(key, slot);
    return slot;
  }

  /**
   * The text of a value that is to be written under this field. One that is too large for the session is refused before
   * it costs the time to encode it; what is there may be larger than `maxSize`, and then a value may be as large as that.
   *
   * @throws SessionDataError naming the key and the path inside its value; `SESSION_TOO_LARGE`
   */
  encode(value: unknown, field: string, name: string): string {
    const { maxSizeBytes } = this.options;
    const text =
      this.#encodeWithin(value, name, maxSizeBytes) ?? this.#encodeWithin(value, name, sizeOf(this.#texts));
    if (text === undefined) throw valueTooLarge(this.#texts, field, maxSizeBytes);
    return text;
  }

  #encodeWithin(value: unknown, name: string): string;
  #encodeWithin(value: unknown, name: string, maxBytes: number): string | undefined;
  #encodeWithin(value: unknown, name: string, maxBytes = Infinity): string | undefined {
    return encodeValue(this.options.codec, value, name, maxBytes);
  }

  #pendingText(key: string, slot: Slot, isLimited: boolean): string | null | undefined {
    if (slot.broken && !slot.assigned) return undefined;
    const stored = this.#texts[slot.field];
    if (!slot.present) return stored === undefined ? undefined : null;
    if (!slot.assigned && isPrimitive(slot.value)) return undefined;
    const text = isLimited ? this.encode(slot.value, slot.field, key) : this.#encodeWithin(slot.value, key);
    return text === stored || (stored !== undefined && text === this.#recoded(stored)) ? undefined : text;
  }

  /** The stored text as today's codec would write it: a difference that only the codec makes is no change. */
  #recoded(stored: string): string | undefined {
    try {
      return this.options.codec.encode(this.options.codec.decode(stored));
    } catch {
      return undefined; // a broken text that was assigned over: any new text is a change
    }
  }
}

function isPrimitive(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}
