import { randomHex } from '../crypto/random.js';
import type { HttpSession } from '../session/http-session.js';
import { categoryOfField, flashField } from '../session/session-fields.js';
import type { SessionLifecycle } from './session-lifecycle.js';

/** Flash messages: each a field of its own, so that parallel ones are not lost and each can be taken once. */
export class SessionFlashes {
  #count = 0;

  constructor(readonly lifecycle: SessionLifecycle) {}

  add({ state }: HttpSession, category: string, message: unknown): void {
    // The count orders the messages of one process in one millisecond, the random part keeps two processes apart.
    this.#count = (this.#count + 1) % 36 ** 4;
    const unique = this.#count.toString(36).padStart(4, '0') + randomHex(4);
    state.addFlash(flashField(this.lifecycle.records.clock.now(), unique, category), message, category);
  }

  /** Takes the messages, or those of one category, oldest first. Each is given out once, whoever asks. */
  async take(session: HttpSession, category: string | undefined): Promise<unknown[]> {
    const { state } = session;
    const fields = state
      .flashFields()
      .filter(field => category === undefined || categoryOfField(field) === category)
      .map(field => ({
        field,
        text: state.flashText(field) ?? '',
        isNew: !Object.hasOwn(state.texts, field),
      }));
    const stored = fields.filter(({ isNew }) => !isNew);
    const mine = await this.#takeFields(session, stored);
    return (
      fields
        // Only now, so that a fault loses none; and what a second call or a save has taken meanwhile is theirs.
        .filter(({ field, isNew }) => (isNew ? state.dropNewFlash(field) : mine.has(field)))
        .map(({ field, text }) => {
          const message = state.decode('flash message', text).value;
          return category === undefined ? { category: categoryOfField(field), message } : message;
        })
    );
  }

  /** Removes the fields that nobody else has taken, in one step; those that somebody has are left out. */
  async #takeFields(
    session: HttpSession,
    fields: readonly { field: string; text: string }[],
  ): Promise<Set<string>> {
    const { state } = session;
    let wanted = new Map(fields.map(({ field, text }) => [field, text]));
    while (wanted.size > 0 && state.stored && !state.ended) {
      const change = { set: {}, delete: [...wanted.keys()] };
      const { result, moments } = await this.lifecycle.records.update(
        state.stored,
        change,
        Object.fromEntries(wanted),
      );
      if (result === 'gone') {
        this.lifecycle.ended(session);
        break;
      }
      if (result === 'done') {
        for (const field of wanted.keys()) state.adopt(field, null);
        state.moved(moments);
        session.exchange.cookieWasUsed(state.stored.sid);
        return new Set(wanted.keys());
      }
      for (const [field, text] of Object.entries(result.current)) if (text === null) state.adopt(field, null);
      wanted = new Map([...wanted].filter(([field, text]) => result.current[field] === text));
    }
    return new Set();
  }
}
