import type { SessionEvents } from '../events/session-events.js';
import type { HttpExchange } from './http-exchange.js';
import type { SessionLog } from '../events/session-log.interface.js';

/** Changes that were made after the response had begun and never saved must not get lost silently. */
export class LateChanges {
  constructor(
    readonly events: SessionEvents,
    readonly log: SessionLog,
  ) {}

  /** Looks, when the response closes, whether something is left unsaved. */
  watch(exchange: HttpExchange): void {
    const { response } = exchange;
    if (!response || exchange.isWatchedForLateChanges) return;
    exchange.isWatchedForLateChanges = true;
    const check = (): void => {
      exchange.isWatchedForLateChanges = false;
      const { session } = exchange;
      if (!session || session.state.ended || !session.state.isChanged()) return;
      this.events.emit({ type: 'rejected', reason: 'late', ...(session.id && { id: session.id }) });
      this.log.warnOnce(
        'late',
        'A session was changed after its response had begun, and the change was never saved. Change it before you answer, or call session.save() yourself.',
      );
    };
    if (response.closed) setImmediate(check);
    else response.once('close', check);
  }
}
