import { idOf } from '../crypto/session-id.js';
import { SessionClosedError } from '../errors/session.error.js';
import type { HttpSession } from '../session/http-session.js';
import { isDataField, isFlashField, keyOfField } from '../session/session-fields.js';
import type { SessionMeta } from '../session/session-meta.js';
import { assertFits } from '../session/session-size.js';
import type { StoredIdentity, Texts } from '../session/session-state.js';
import type { SessionLifecycle } from './session-lifecycle.js';

/** What a rotation carries over: everything, nothing, or these data keys. */
export type Keep = boolean | readonly string[];
type Carries = (field: string) => boolean;

/** A new id for a session, the old one dead before the answer. See `SessionRecords.rotate` for the order of events. */
export class SessionRotation {
  constructor(readonly lifecycle: SessionLifecycle) {}

  /**
   * Binds the session to a user. When the old session was ended elsewhere meanwhile the user is signed in all the same,
   * into an empty session.
   */
  async login(session: HttpSession, userId: string, keep: Keep): Promise<void> {
    const { records } = this.lifecycle;
    await this.#endAmbiguous(session);
    session.exchange.assertCanSetCookie();
    const { state } = session;
    const old = state.ended ? undefined : state.stored;
    const isOther = state.ended || (old?.meta.user !== undefined && old.meta.user !== userId);
    const carries: Carries = isOther ? () => false : field => isFlashField(field) || keeps(keep, field);
    const now = records.clock.now();
    const meta = {
      ...records.metaAt(now, userId),
      ...(old && !isOther && { createdAt: old.meta.createdAt }),
    };
    const { rotated, sent } = await this.#rotate(session, old, carries, meta);
    const { identity } = rotated;
    let { texts } = rotated;
    if (!rotated.isSole) records.begun(rotated);
    if (!rotated.isSole && Object.keys(texts).length > 0) {
      await records.update(identity, { set: {}, delete: Object.keys(texts) });
      texts = {};
    }
    state.rotated(identity, texts, sent, rotated.isSole ? carries : () => false);
    session.exchange.owed = { kind: 'set', sid: identity.sid };
  }

  /** @throws SessionClosedError `SESSION_ENDED`, with `keep`, when the session was ended elsewhere */
  async regenerate(session: HttpSession, keep: Keep, replaces: boolean): Promise<void> {
    const { records } = this.lifecycle;
    const { exchange } = session;
    await this.#endAmbiguous(session);
    const { state } = session;
    const keepsData = keep !== false;
    if (keepsData && state.ended) throw SessionClosedError.ended();
    const old = state.ended ? undefined : state.stored;
    const carries: Carries = field => (keepsData && isDataField(field) ? keeps(keep, field) : keep === true);
    if (!old) {
      state.change(); // a value that cannot be kept is refused here as anywhere
      return this.#goOn(session, replaces, undefined, {}, {}, carries);
    }
    exchange.assertCanSetCookie();
    const meta = keepsData ? old.meta : records.metaAt(records.clock.now());
    const { rotated, sent } = await this.#rotate(session, old, carries, meta);
    if (keepsData && !rotated.isSole) {
      await records.end(rotated.identity.id, 'replaced');
      this.lifecycle.ended(session);
      throw SessionClosedError.ended();
    }
    if (!rotated.isSole) records.begun(rotated);
    exchange.owed = { kind: 'set', sid: rotated.identity.sid };
    this.#goOn(session, replaces, rotated.identity, rotated.texts, sent, carries);
  }

  /** Ends every session that the request's cookies name, as far as the store knows it. */
  async endCandidates(session: HttpSession, reason: 'logout' | 'replaced'): Promise<void> {
    const { exchange, state } = session;
    const ids = new Set(exchange.candidates?.sids.map(idOf));
    if (state.stored) ids.add(state.stored.id);
    await Promise.all([...ids].map(id => this.lifecycle.records.end(id, reason)));
    exchange.ambiguous = [];
  }

  async #endAmbiguous(session: HttpSession): Promise<void> {
    if (session.exchange.ambiguous.length > 0) await this.endCandidates(session, 'replaced');
  }

  async #rotate(session: HttpSession, old: StoredIdentity | undefined, carries: Carries, meta: SessionMeta) {
    const { state } = session;
    const change = state.change();
    const own = new Set([...Object.keys(change.set), ...change.delete]);
    const sent: Record<string, string> = {};
    for (const [field, text] of Object.entries({ ...state.texts, ...change.set })) {
      if (carries(field) && !change.delete.includes(field)) sent[field] = text;
    }
    const carried: Record<string, string> = {};
    for (const field of Object.keys(change.set)) if (sent[field] !== undefined) carried[field] = sent[field];
    assertFits(state.texts, { set: carried, delete: [] }, this.lifecycle.options.maxSizeBytes);
    const rotation = { old, oldTexts: state.texts, texts: sent, own, carries, meta };
    return { rotated: await this.lifecycle.records.rotate(rotation), sent };
  }

  /** In the same object; or, as Passport expects of the callback form, in a new one that takes its place. */
  #goOn(
    session: HttpSession,
    replaces: boolean,
    identity: StoredIdentity | undefined,
    texts: Texts,
    sent: Texts,
    carries: Carries,
  ): void {
    if (replaces) this.#replace(session, identity, texts, carries);
    else session.state.rotated(identity, texts, sent, carries);
  }

  #replace(session: HttpSession, identity: StoredIdentity | undefined, texts: Texts, carries: Carries): void {
    const state = this.lifecycle.newState(identity && { identity, texts });
    if (!identity) session.state.handOver(state, carries);
    session.exchange.session = session.successor(state);
  }
}

function keeps(keep: Keep, field: string): boolean {
  return typeof keep === 'boolean' ? keep : isDataField(field) && keep.includes(keyOfField(field));
}
