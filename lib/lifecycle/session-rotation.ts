import type { LiveRecord, SessionBackend } from '../backend/session-backend.interface.js';
import { SessionClosedError } from '../errors/session.error.js';
import type { Keep } from '../session/http-session.js';
import { isDataField, isFlashField, keyOfField } from '../session/session-fields.js';
import type { SessionMeta } from '../session/session-meta.js';
import { assertFits } from '../session/session-size.js';
import { EMPTY, type Standing, type StoredIdentity } from '../session/standing.js';
import type { Texts } from '../session/session-change.js';
import type { OwnedSession } from './operation-host.interface.js';
import type { SessionWriter } from './session-writer.js';

type FieldTest = (field: string) => boolean;

/** What a rotation leaves behind. */
interface Outcome {
  readonly standing: Standing;
  /** What the store holds of the session. */
  readonly texts: Texts;
  /** What this request sent for it. */
  readonly sent: Texts;
  readonly isCarried: FieldTest;
}

/**
 * Gives a session a new id. The old id is dead before the answer is sent. `SessionBackend.rotate` has the order of
 * events.
 */
export class SessionRotation {
  constructor(
    readonly backend: SessionBackend,
    readonly writer: SessionWriter,
    readonly maxSizeBytes: number,
  ) {}

  /**
   * Binds the session to a user. If another request ended the old session in between, the user is signed in into an
   * empty session.
   */
  async login(session: OwnedSession, userId: string, keep: Keep): Promise<void> {
    session.host.assertHeadOpen(); // before anything is ended
    const { state, host } = session;
    if (host.isAmbiguous) await this.endCandidates(session, 'replaced');
    host.assertCanSetCookie();
    const { standing } = state;
    const old = standing.kind === 'stored' ? standing.identity : undefined;
    const isOtherUser = old?.meta.user !== undefined && old.meta.user !== userId;
    const startsEmpty = standing.kind === 'ended' || isOtherUser;
    const isCarried: FieldTest = startsEmpty
      ? () => false
      : field => isFlashField(field) || isKept(keep, field);
    const meta = {
      ...this.backend.newMeta(userId),
      ...(old && !isOtherUser && { createdAt: old.meta.createdAt }),
    };
    const { rotated, sent } = await this.#rotate(session, old, isCarried, meta);
    const { identity } = rotated;
    if (rotated.outcome === 'done') {
      state.adoptRotation(stored(identity), rotated.texts, sent, isCarried);
    } else {
      // Another request ended the old session: its data must not live on.
      this.backend.emitCreated(rotated);
      const fields = Object.keys(rotated.texts);
      if (fields.length > 0) await this.backend.update(identity, { set: {}, delete: fields });
      state.adoptRotation(stored(identity), {}, sent, () => false);
    }
    host.answer.setCookie(identity.token);
  }

  /** @throws SessionClosedError `SESSION_ENDED`, with `keep`, when another request ended the session */
  async regenerate(session: OwnedSession, keep: Keep, replacesObject: boolean): Promise<void> {
    const { state, host } = session;
    if (host.isAmbiguous) {
      host.assertHeadOpen(); // before anything is ended
      await this.endCandidates(session, 'replaced');
    }
    const { standing } = state;
    const keepsData = keep !== false;
    if (keepsData) this.writer.storedIdentity(session); // throws when the session was ended
    const old = standing.kind === 'stored' ? standing.identity : undefined;
    const isCarried: FieldTest = field => (isDataField(field) ? isKept(keep, field) : keep === true);
    if (!old) {
      state.collectChange(); // a value that cannot be encoded is refused here, too
      return this.#continue(session, replacesObject, { standing: EMPTY, texts: {}, sent: {}, isCarried });
    }
    host.assertCanSetCookie();
    const meta = keepsData ? old.meta : this.backend.newMeta();
    const { rotated, sent } = await this.#rotate(session, old, isCarried, meta);
    if (rotated.outcome === 'lost') {
      if (keepsData) {
        await this.backend.end(rotated.identity.id, 'replaced');
        this.writer.markEnded(session);
        throw SessionClosedError.ended();
      }
      this.backend.emitCreated(rotated);
    }
    host.answer.setCookie(rotated.identity.token);
    const { texts } = rotated;
    this.#continue(session, replacesObject, { standing: stored(rotated.identity), texts, sent, isCarried });
  }

  /** Ends every session that the request's cookies name. An id that was just rotated away leads to its successor. */
  async endCandidates(session: OwnedSession, reason: 'logout' | 'replaced'): Promise<void> {
    const { host, state } = session;
    const ids = new Set(host.broughtTokens.map(token => this.backend.idOf(token)));
    if (state.identity) ids.add(state.identity.id);
    await Promise.all([...ids].map(id => this.backend.end(id, reason)));
    host.endAmbiguity();
    host.trace(() => `ended the session of ${ids.size} id${ids.size === 1 ? '' : 's'}`);
  }

  async #rotate(
    session: OwnedSession,
    old: StoredIdentity | undefined,
    isCarried: FieldTest,
    meta: SessionMeta,
  ) {
    const { state } = session;
    const change = state.collectChange();
    const own = new Set([...Object.keys(change.set), ...change.delete]);
    const sent: Record<string, string> = {};
    for (const [field, text] of Object.entries({ ...state.texts, ...change.set })) {
      if (isCarried(field) && !change.delete.includes(field)) sent[field] = text;
    }
    const added: Record<string, string> = {};
    for (const field of Object.keys(change.set)) if (sent[field] !== undefined) added[field] = sent[field];
    // Fields that are not carried over make room for others. What is only carried over is never refused.
    const left = Object.keys(state.texts).filter(field => sent[field] === undefined);
    assertFits(state.texts, { set: added, delete: left }, this.maxSizeBytes);
    const rotation = { old, oldTexts: state.texts, texts: sent, own, isCarried, meta };
    const rotated = await this.backend.rotate(rotation);
    session.host.trace(() => `new id: ${rotated.outcome}`);
    return { rotated, sent };
  }

  /** Continues in the same object. The callback form continues in a new object, as Passport expects. */
  #continue(session: OwnedSession, replacesObject: boolean, outcome: Outcome): void {
    const { standing, texts, sent, isCarried } = outcome;
    const { state, host } = session;
    if (!replacesObject) return state.adoptRotation(standing, texts, sent, isCarried);
    const live: LiveRecord | undefined =
      standing.kind === 'stored' ? { identity: standing.identity, texts } : undefined;
    const next = host.newState(live);
    if (!live) state.handOver(next, isCarried);
    host.replaceSession(session.successor(next));
  }
}

const stored = (identity: StoredIdentity): Standing => ({ kind: 'stored', identity });

function isKept(keep: Keep, field: string): boolean {
  return typeof keep === 'boolean' ? keep : isDataField(field) && keep.includes(keyOfField(field));
}
