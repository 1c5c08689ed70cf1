import type { ServerResponse } from 'node:http';
import type { SessionEvents } from '../events/session-events.js';
import type { SessionLog } from '../events/session-log.interface.js';
import type { HttpSession } from '../session/http-session.js';

interface WatchedRequest {
  readonly response: ServerResponse | undefined;
  readonly session: HttpSession | undefined;
}

/**
 * Reports changes that were made after the response had begun and were never saved, so that they are not lost silently.
 */
export class LateChanges {
  readonly #watched = new WeakSet<WatchedRequest>();

  constructor(
    readonly events: SessionEvents,
    readonly log: SessionLog,
  ) {}

  /**
   * Checks for unsaved changes when the response closes. Changes that are unsaved already are not reported: the commit
   * dropped them on purpose, or is about to write them.
   */
  watch(request: WatchedRequest): void {
    const { response } = request;
    if (!response || this.#watched.has(request)) return;
    this.#watched.add(request);
    const before = request.session?.state.changeFingerprint();
    const check = (): void => {
      this.#watched.delete(request);
      const { session } = request;
      if (!session || session.state.standing.kind === 'ended') return;
      const now = session.state.changeFingerprint();
      if (now === '' || now === before) return;
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
