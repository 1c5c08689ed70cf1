import { randomHex } from '../crypto/random.js';
import { categoryOfField, flashField } from '../session/session-fields.js';
import type { Clock } from '../time/clock.js';
import type { OwnedSession } from './operation-host.interface.js';
import type { SessionWriter } from './session-writer.js';

/** Flash messages. Each is a field of its own, so parallel ones are not lost and each can be taken once. */
export class SessionFlashes {
  #count = 0;

  constructor(
    readonly writer: SessionWriter,
    readonly clock: Clock,
  ) {}

  add({ state }: OwnedSession, category: string, message: unknown): void {
    // The count orders the messages of one process within a millisecond. The random part keeps two processes apart.
    this.#count = (this.#count + 1) % 36 ** 4;
    const unique = this.#count.toString(36).padStart(4, '0') + randomHex(4);
    state.addFlash(flashField(this.clock.now(), unique, category), message, category);
  }

  /** Takes all messages, or those of one category, oldest first. Each message is given to one caller. */
  async take(session: OwnedSession, category: string | undefined): Promise<unknown[]> {
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
    const taken = await this.#takeStored(session, stored);
    return (
      fields
        // New messages are dropped only after the store has answered, so that a fault loses none. A message that a
        // second call or a save took in between is left out.
        .filter(({ field, isNew }) => (isNew ? state.dropNewFlash(field) : taken.has(field)))
        .map(({ field, text }) => {
          const message = state.decode('flash message', text).value;
          return category === undefined ? { category: categoryOfField(field), message } : message;
        })
    );
  }

  /** Removes stored messages in one step. Returns the fields that this call removed, without those that others took. */
  async #takeStored(
    session: OwnedSession,
    fields: readonly { field: string; text: string }[],
  ): Promise<ReadonlySet<string>> {
    const { state } = session;
    let wanted = new Map(fields.map(({ field, text }) => [field, text]));
    while (wanted.size > 0 && state.standing.kind === 'stored') {
      const change = { set: {}, delete: [...wanted.keys()] };
      const result = await this.writer.update(
        session,
        state.standing.identity,
        change,
        Object.fromEntries(wanted),
      );
      if (result === 'gone') break;
      if (result === 'done') {
        for (const field of wanted.keys()) state.adopt(field, null);
        return new Set(wanted.keys());
      }
      for (const [field, text] of Object.entries(result.current)) if (text === null) state.adopt(field, null);
      wanted = new Map([...wanted].filter(([field, text]) => result.current[field] === text));
    }
    return new Set();
  }
}
