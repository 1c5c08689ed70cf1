import type { SessionCodec } from '../codec/session-codec.interface.js';
import { SessionDataError } from '../errors/session.error.js';
import type { SessionMoments } from '../store/session-record.interface.js';
import { encodeValue } from './encode-value.js';
import { fieldOfKey, isDataField, isFlashField, keyOfField } from './session-fields.js';
import { applyChange, NO_CHANGE, type SessionChange, type Texts } from './session-change.js';
import { sizeOf, valueTooLarge } from './session-size.js';
import type { Standing, StoredIdentity } from './standing.js';

/** The options that concern the data. */
export interface SessionDataOptions {
  readonly codec: SessionCodec;
  readonly maxSizeBytes: number;
}

/** One key that the handler read or assigned. Only these keys are compared when the change is computed. */
interface Slot {
  readonly field: string;
  /** `undefined` in an assigned slot means that the key was removed. */
  readonly value: unknown;
  /**
   * - `read`: the value was decoded from the stored text. The handler may have edited it in place.
   * - `broken`: the stored text cannot be decoded. It is kept until something is assigned.
   * - `assigned`: the handler set or removed the key.
   */
  status: 'read' | 'broken' | 'assigned';
  /** The last change that included this assignment. When it is written, the value is what the store holds. */
  collectedIn?: SessionChange;
}

/**
 * The data of one session during one request: the texts that the store holds, and what the handler made of them. It
 * decodes a key when the key is first read, and can tell at any time what has to be written. It never does I/O.
 */
export class SessionState {
  #texts: Texts;
  #standing: Standing;
  readonly #slots = new Map<string, Slot>();
  readonly #newFlashes = new Map<string, string>();

  constructor(
    readonly options: SessionDataOptions,
    readonly onBrokenValue: (key: string) => void,
    standing: Standing,
    texts: Texts = {},
  ) {
    this.#standing = standing;
    this.#texts = texts;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** The identity of the session's record, or of the record that it had before another request ended it. */
  get identity(): StoredIdentity | undefined {
    return this.#standing.kind === 'empty' ? undefined : this.#standing.identity;
  }

  /** What the store holds, as far as we know. The object may be the store's own, so it is never changed in place. */
  get texts(): Texts {
    return this.#texts;
  }

  get(key: string): unknown {
    return this.#slot(key)?.value;
  }

  has(key: string): boolean {
    const slot = this.#slots.get(key);
    return slot?.status === 'assigned'
      ? slot.value !== undefined
      : Object.hasOwn(this.#texts, fieldOfKey(key));
  }

  /** Assigns a key; `undefined` removes it. */
  set(key: string, value: unknown): void {
    this.#slots.set(key, { field: fieldOfKey(key), value, status: 'assigned' });
  }

  keys(): string[] {
    const keys: string[] = [];
    for (const field in this.#texts) {
      if (isDataField(field) && this.has(keyOfField(field))) keys.push(keyOfField(field));
    }
    for (const [key, slot] of this.#slots) {
      if (!Object.hasOwn(this.#texts, slot.field) && this.has(key)) keys.push(key);
    }
    return keys;
  }

  addFlash(field: string, message: unknown, category: string): void {
    this.#newFlashes.set(field, this.encode(message, field, `flash(${JSON.stringify(category)})`));
  }

  /** The fields of all flash messages, stored or not, oldest first. */
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
   * The text of a key's unsaved change (`null`: it was removed), or `undefined` when the key is unchanged. The text may
   * exceed `maxSize`: `update()` and `take()` only start from it.
   *
   * @throws SessionDataError when the value cannot be encoded
   */
  pendingText(key: string): string | null | undefined {
    const slot = this.#slots.get(key);
    return slot && this.#pendingText(slot, value => this.#encodeWithin(value, key));
  }

  /**
   * Everything that changed since the texts were last in step with the store. Pass the result to `markWritten()` when
   * the store holds it.
   *
   * @throws SessionDataError when a value cannot be encoded, or is too large for the session
   */
  collectChange(): SessionChange {
    const change = this.#computeChange();
    for (const slot of this.#slots.values()) if (slot.status === 'assigned') slot.collectedIn = change;
    return change;
  }

  /** A text that differs whenever the unsaved change does; `''` if there is none. For telling whether it grew. */
  changeFingerprint(): string {
    try {
      const change = this.#computeChange();
      return change === NO_CHANGE ? '' : JSON.stringify(change);
    } catch (error) {
      if (error instanceof SessionDataError) return error.message;
      throw error;
    }
  }

  /** Records that the store now holds a change. Values that were edited or assigned since stay changes. */
  markWritten(change: SessionChange): void {
    if (change === NO_CHANGE) return;
    this.#texts = applyChange(this.#texts, change);
    for (const field of [...Object.keys(change.set), ...change.delete]) {
      this.#newFlashes.delete(field);
      if (!isDataField(field)) continue;
      const slot = this.#slots.get(keyOfField(field));
      if (slot?.collectedIn === change) slot.status = 'read';
    }
  }

  /** Records that the store holds the session under this identity. */
  markStored(identity: StoredIdentity): void {
    this.#standing = { kind: 'stored', identity };
  }

  /** Records that another request ended the session. */
  markEnded(): void {
    if (this.#standing.kind === 'stored') this.#standing = { ...this.#standing, kind: 'ended' };
  }

  /** Records the moments that the store now holds for the session. */
  moveMoments(moments: SessionMoments): void {
    if (this.#standing.kind === 'stored') this.markStored({ ...this.#standing.identity, moments });
  }

  /**
   * Returns an opaque marker of the key's current value. Pass it to `adopt()`, which then leaves the key alone if it
   * was assigned in between.
   */
  mark(key: string): unknown {
    return this.#slots.get(key);
  }

  /**
   * Records what the store now holds for a field (`null`: nothing). The key reads that value from now on, unless it was
   * assigned after `mark()`.
   */
  adopt(field: string, text: string | null, mark?: unknown): void {
    const { [field]: _, ...others } = this.#texts;
    this.#texts = text === null ? others : { ...others, [field]: text };
    if (isDataField(field) && this.#slots.get(keyOfField(field)) === mark) {
      this.#slots.delete(keyOfField(field));
    }
  }

  /**
   * Switches to what a rotation left behind: `standing` is the new session, `texts` what the store holds of it, `sent`
   * what this request sent for it. Objects that the handler already holds stay valid, except keys that are not carried
   * over and keys that another request changed while the rotation ran.
   */
  adoptRotation(standing: Standing, texts: Texts, sent: Texts, isCarried: (field: string) => boolean): void {
    const isStored = standing.kind === 'stored';
    for (const [key, slot] of this.#slots) {
      if (slot.status === 'assigned' && !slot.collectedIn) continue; // assigned while the rotation ran
      if (!isCarried(slot.field) || texts[slot.field] !== sent[slot.field]) this.#slots.delete(key);
      else if (isStored && slot.status === 'assigned') slot.status = 'read';
    }
    for (const field of this.#newFlashes.keys()) {
      if (isStored || !isCarried(field)) this.#newFlashes.delete(field);
    }
    this.#standing = standing;
    this.#texts = texts;
  }

  /** Copies the values that no store holds yet to the state that takes the place of this one. */
  handOver(next: SessionState, isCarried: (field: string) => boolean): void {
    for (const [key, slot] of this.#slots) if (isCarried(slot.field)) next.set(key, slot.value);
    for (const [field, text] of this.#newFlashes) if (isCarried(field)) next.#newFlashes.set(field, text);
  }

  /** Decodes a text into a fresh value. A broken text is reported, and reads as `undefined`. */
  decode(key: string, text: string): { readonly value: unknown; readonly isBroken: boolean } {
    try {
      return { value: this.options.codec.decode(text), isBroken: false };
    } catch {
      this.onBrokenValue(key); // the text is kept
      return { value: undefined, isBroken: true };
    }
  }

  /**
   * Encodes a value that is to be written under a field. A value that is too large for the session is refused before
   * all of it has been encoded. If the stored session already exceeds `maxSize`, a value may be as large as that
   * session.
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

  #slot(key: string): Slot | undefined {
    const known = this.#slots.get(key);
    if (known) return known;
    const field = fieldOfKey(key);
    const text = this.#texts[field];
    if (text === undefined) return undefined;
    const { value, isBroken } = this.decode(key, text);
    const slot: Slot = { field, value, status: isBroken ? 'broken' : 'read' };
    this.#slots.set(key, slot);
    return slot;
  }

  #encodeWithin(value: unknown, name: string): string;
  #encodeWithin(value: unknown, name: string, maxBytes: number): string | undefined;
  #encodeWithin(value: unknown, name: string, maxBytes = Infinity): string | undefined {
    return encodeValue(this.options.codec, value, name, maxBytes);
  }

  #computeChange(): SessionChange {
    if (this.#slots.size === 0 && this.#newFlashes.size === 0) return NO_CHANGE;
    let set: Record<string, string> | undefined;
    let removed: string[] | undefined;
    for (const [key, slot] of this.#slots) {
      const text = this.#pendingText(slot, value => this.encode(value, slot.field, key));
      if (text === null) (removed ??= []).push(slot.field);
      else if (text !== undefined) (set ??= {})[slot.field] = text;
    }
    for (const [field, text] of this.#newFlashes) (set ??= {})[field] = text;
    return set || removed ? { set: set ?? {}, delete: removed ?? [] } : NO_CHANGE;
  }

  #pendingText(slot: Slot, encode: (value: unknown) => string): string | null | undefined {
    const stored = this.#texts[slot.field];
    if (slot.status === 'assigned') {
      if (slot.value === undefined) return stored === undefined ? undefined : null;
      const text = encode(slot.value);
      return text === stored ? undefined : text;
    }
    if (slot.status === 'broken' || stored === undefined || isPrimitive(slot.value)) return undefined;
    const text = encode(slot.value);
    return text === stored || text === this.#recode(stored) ? undefined : text;
  }

  /**
   * The stored text as today's codec would write it. Reading a value that another version of the codec wrote must not
   * count as a change.
   */
  #recode(stored: string): string {
    return this.options.codec.encode(this.options.codec.decode(stored));
  }
}

function isPrimitive(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}
