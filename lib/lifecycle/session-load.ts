import type { IncomingMessage } from 'node:http';
import type { LiveRecord, SessionBackend } from '../backend/session-backend.interface.js';
import type { CookieCandidates, SessionCookie } from '../cookie/session-cookie.js';
import type { SessionEvents } from '../events/session-events.js';

/** How far the session that a request names has been read, and what was found. */
export type Load =
  /** The path is in `exclude`: the request has no session. */
  | { readonly kind: 'excluded' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'loading'; readonly done: Promise<void> }
  /** No cookie named a live session. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'live'; readonly record: LiveRecord }
  /** The cookies named two different live sessions. */
  | { readonly kind: 'ambiguous' }
  | { readonly kind: 'unreadable'; readonly error: Error };

export interface LoadParts {
  readonly backend: SessionBackend;
  readonly cookie: SessionCookie;
  readonly events: SessionEvents;
}

const PENDING: Load = Object.freeze({ kind: 'pending' });
const EXCLUDED: Load = Object.freeze({ kind: 'excluded' });

/** Reads the session that a request's cookies name: Cookie header → token → sid → id → store.load → record. */
export class SessionLoad {
  #state: Load;
  #cookies: CookieCandidates | undefined;

  constructor(
    readonly parts: LoadParts,
    readonly request: IncomingMessage,
    isExcluded: boolean,
  ) {
    this.#state = isExcluded ? EXCLUDED : PENDING;
  }

  get state(): Load {
    return this.#state;
  }

  /** The cookies of our name that the request brought. They are judged once. */
  get cookies(): CookieCandidates {
    if (this.#cookies) return this.#cookies;
    const { cookie, events } = this.parts;
    this.#cookies = cookie.read(this.request.headers.cookie);
    if (this.#cookies.malformed) events.emit({ type: 'rejected', reason: 'malformed' });
    if (this.#cookies.forged) events.emit({ type: 'rejected', reason: 'forged' });
    if (this.#cookies.crowded) events.emit({ type: 'rejected', reason: 'crowded' });
    return this.#cookies;
  }

  /** Starts the load, once. Never rejects: a failure is kept as a state. `undefined`: there is nothing to wait for. */
  start(): Promise<void> | undefined {
    if (this.#state.kind === 'loading') return this.#state.done;
    if (this.#state.kind !== 'pending') return undefined;
    const { tokens } = this.cookies;
    if (tokens.length === 0) return this.#setFound([]);
    try {
      const found =
        tokens.length === 1 ? this.parts.backend.find(tokens[0] as string) : this.#findAll(tokens);
      if (!(found instanceof Promise)) return this.#setFound([found]);
      const done = found.then(
        live => this.#setFound(Array.isArray(live) ? live : [live]),
        (error: unknown) => this.#setUnreadable(error),
      );
      this.#state = { kind: 'loading', done };
      return done;
    } catch (error) {
      return this.#setUnreadable(error);
    }
  }

  /** The sessions that made the request ambiguous have been ended. */
  endAmbiguity(): void {
    if (this.#state.kind === 'ambiguous') this.#state = { kind: 'empty' };
  }

  async #findAll(tokens: readonly string[]): Promise<(LiveRecord | undefined)[]> {
    // `async`, so that a synchronous throw becomes a rejection. Otherwise the other loads would be unhandled
    // rejections.
    return Promise.all(tokens.map(async token => this.parts.backend.find(token)));
  }

  #setFound(found: readonly (LiveRecord | undefined)[]): undefined {
    const live = found.filter(record => record !== undefined);
    const [record] = live;
    // A signed and an unsigned token may name the same session.
    if (new Set(live.map(({ identity }) => identity.id)).size > 1) {
      this.#state = { kind: 'ambiguous' };
      this.parts.events.emit({ type: 'rejected', reason: 'ambiguous' });
    } else this.#state = record ? { kind: 'live', record } : { kind: 'empty' };
  }

  #setUnreadable(error: unknown): undefined {
    this.#state = {
      kind: 'unreadable',
      error: error instanceof Error ? error : new Error(String(error), { cause: error }),
    };
  }
}
