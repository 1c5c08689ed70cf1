import type { GuardedStore } from '../../store/guarded-store.js';
import type { SessionIndex } from '../../store/session-store-abilities.interface.js';
import type { Clock } from '../../time/clock.js';
import type { LiveRecord } from '../session-backend.interface.js';
import type { StoredSessions } from './stored-sessions.js';

/** The sessions of a user: listing them, and ending them. */
export class UserSessions {
  constructor(
    readonly sessions: StoredSessions,
    readonly store: GuardedStore,
    readonly clock: Clock,
  ) {}

  async list(user: string): Promise<LiveRecord[]> {
    const ids = await this.#index().list(user, this.clock.now());
    const found = await Promise.all(ids.map(id => this.sessions.findById(id)));
    return found.filter(live => live?.identity.meta.user === user) as LiveRecord[];
  }

  /** Ends a session. With `user`, only if it is that user's. Returns whether this call ended one. */
  async revoke(id: string, user?: string): Promise<boolean> {
    if (user === undefined) return this.sessions.end(id, 'revoked');
    if ((await this.sessions.findById(id))?.identity.meta.user !== user) return false;
    // If the session was rotated since, its successor may belong to the next user of the browser.
    return this.sessions.endWithoutSuccessor(id, 'revoked');
  }

  /** Ends every session of a user except one, and returns how many it ended. */
  async revokeAll(user: string, except: string | undefined): Promise<number> {
    const index = this.#index();
    const seen = new Set([except]);
    for (let count = 0; ;) {
      const ids = (await index.list(user, this.clock.now())).filter(id => !seen.has(id));
      for (const id of ids) seen.add(id);
      const ended = await this.#endListed(index, user, ids);
      count += ended;
      // A session that had already ended may have been rotated since it was listed. Its successor is listed by now.
      if (ended === ids.length) return count;
    }
  }

  /**
   * Ends the sessions first and removes their index entries second, so a call that failed half-way can be repeated. An
   * entry without a record may belong to a login in progress. That login creates its record and then checks its entry:
   * either the entry is gone and the login fails, or the record exists by now and the second pass ends it.
   */
  async #endListed(index: SessionIndex, user: string, ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0;
    // The successor of a rotated session may be the session to spare, or may belong to the next user of the browser.
    const end = (id: string): Promise<boolean> => this.sessions.endWithoutSuccessor(id, 'revoked');
    const ended = await Promise.all(ids.map(end));
    await index.remove(user, ids);
    const missing = ids.filter((_, i) => !ended[i]);
    const endedLate = await Promise.all(missing.map(end));
    return [...ended, ...endedLate].filter(Boolean).length;
  }

  #index(): SessionIndex {
    const { index } = this.store;
    if (index) return index;
    throw new TypeError(
      '[session] this store keeps no index of users. Use a store that has one, or give it an `index` (see IndexedSessionStore)',
    );
  }
}
