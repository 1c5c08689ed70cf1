import type { SessionBackend, Used } from '../backend/session-backend.interface.js';
import { SessionClosedError } from '../errors/session.error.js';
import type { SessionEvents } from '../events/session-events.js';
import { assertFits } from '../session/session-size.js';
import type { SessionChange } from '../session/session-change.js';
import type { StoredIdentity } from '../session/standing.js';
import type { UpdateMismatch } from '../store/session-record.interface.js';
import type { OwnedSession } from './operation-host.interface.js';

/**
 * Writes a session, and draws the consequences: the moments move, the answer gets the token, and a session that is gone
 * counts as ended.
 */
export class SessionWriter {
  constructor(
    readonly backend: SessionBackend,
    readonly events: SessionEvents,
    readonly maxSizeBytes: number,
  ) {}

  /**
   * Writes a change. An empty session is created. `gone`: another request ended the session, and nothing was written.
   *
   * @throws SessionDataError `SESSION_TOO_LARGE`
   * @throws SessionClosedError when the session has to be created and no cookie can be set
   */
  async write(session: OwnedSession, change: SessionChange): Promise<'done' | 'gone'> {
    const { state, host } = session;
    host.assertReadable();
    const { standing } = state;
    if (standing.kind === 'ended') return 'gone';
    if (standing.kind === 'empty') {
      assertFits(state.texts, change, this.maxSizeBytes);
      host.assertCanSetCookie();
      const { identity } = await this.backend.create(this.backend.newMeta(), change.set);
      state.markStored(identity);
      host.answer.setCookie(identity.token);
      host.trace(() => 'created');
    } else if ((await this.update(session, standing.identity, change)) === 'gone') return 'gone';
    state.markWritten(change);
    return 'done';
  }

  /**
   * Updates the record of a stored session. With `expect`, writes only if the named fields hold these texts.
   *
   * @throws SessionDataError `SESSION_TOO_LARGE`
   */
  async update(
    session: OwnedSession,
    identity: StoredIdentity,
    change: SessionChange,
    expect?: Readonly<Record<string, string | null>>,
  ): Promise<'done' | 'gone' | UpdateMismatch> {
    assertFits(session.state.texts, change, this.maxSizeBytes);
    const updated = await this.backend.update(identity, change, expect);
    if (updated === 'gone') return this.#gone(session, 'update');
    if (!('current' in updated)) return this.#done(session, 'update', updated);
    session.host.trace(() => 'update: another request has written the key');
    return updated;
  }

  /** Writes down that a stored session was used. */
  async touch(session: OwnedSession, identity: StoredIdentity): Promise<'done' | 'gone'> {
    const used = await this.backend.touch(identity);
    return used === 'gone' ? this.#gone(session, 'touch') : this.#done(session, 'touch', used);
  }

  /** Another request ended the session: the answer neither sets its cookie nor clears it. Reported once. */
  markEnded(session: OwnedSession): void {
    const { state, host } = session;
    if (state.standing.kind !== 'stored') return;
    const { id } = state.standing.identity;
    state.markEnded();
    if (host.isCurrent(session)) host.answer.dropCookie();
    this.events.emit({ type: 'rejected', reason: 'ended', id });
  }

  /** The identity of a session that has a record. @throws SessionClosedError when another request ended it */
  storedIdentity(session: OwnedSession): StoredIdentity | undefined {
    const { standing } = session.state;
    if (standing.kind === 'ended') throw SessionClosedError.ended();
    return standing.kind === 'stored' ? standing.identity : undefined;
  }

  #done({ state, host }: OwnedSession, verb: string, { token, moments }: Used): 'done' {
    state.moveMoments(moments);
    host.answer.renewCookie(token);
    host.trace(() => `${verb}: done`);
    return 'done';
  }

  #gone(session: OwnedSession, verb: string): 'gone' {
    this.markEnded(session);
    session.host.trace(() => `${verb}: another request has ended the session`);
    return 'gone';
  }
}
