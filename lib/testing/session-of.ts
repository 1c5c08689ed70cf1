import type { INestApplicationContext } from '@nestjs/common';
import type { SessionEngine } from '../session.engine.js';
import type { SessionData } from '../session/session-data.interface.js';
import { infoOf, type SessionInfo } from '../session-info.js';
import { categoryOfField } from '../session/session-fields.js';
import type { FlashMessage } from '../session/session.interface.js';
import { SessionState } from '../session/session-state.js';
import type { LiveRecord } from '../backend/session-backend.interface.js';
import { CookieJar } from './cookie-jar.js';
import { engineOf } from './engine-of.js';
import type { ResponseLike } from './response-cookies.js';

/** What the store holds of a session. @publicApi */
export interface StoredSession<T = SessionData> extends SessionInfo {
  readonly data: Partial<T>;
  /** The messages that no request has taken yet, oldest first. */
  readonly flashes: readonly FlashMessage[];
}

/**
 * Reads what the store holds of the session that a response set or that a cookie names. The read does not count as
 * activity, emits no event, and takes no flash message.
 *
 * @param source a response of fetch, supertest or `inject()` that set the session cookie; a `Cookie` header; or a
 *   `CookieJar`
 * @returns `undefined` if there is no live session: the response set no cookie, or the session has ended
 * @throws SessionUsageError when the application does not import SessionModule
 * @throws SessionStoreError when the store does not answer
 * @example
 * ```ts
 * const response = await fetch(`${await app.getUrl()}/cart`, { method: 'POST' });
 * expect((await sessionOf(app, response))?.data).toEqual({ cart: ['tea'] });
 * ```
 *
 * @publicApi
 */
export async function sessionOf<T extends object = SessionData>(
  app: INestApplicationContext,
  source: ResponseLike | CookieJar | string,
): Promise<StoredSession<T> | undefined> {
  const engine = engineOf(app);
  const { stored, lifecycle } = engine;
  const { tokens } = lifecycle.cookie.read(cookieHeaderOf(source, engine));
  const found = await Promise.all(tokens.map(token => stored.findById(stored.idOf(token))));
  const live = found.filter(record => record !== undefined);
  const [record] = live;
  // As for a request: cookies of two live sessions name neither.
  return record && live.length === 1 ? contentOf<T>(record, engine) : undefined;
}

/** What a browser would send after the response. A cookie of any path counts. */
function cookieHeaderOf(
  source: ResponseLike | CookieJar | string,
  { options, clock }: SessionEngine,
): string {
  if (typeof source === 'string') return source;
  const { path, domain } = options.cookie;
  if (source instanceof CookieJar) return source.header(path);
  const origin = `https://${domain ?? 'localhost'}`;
  const jar = new CookieJar({ origin, clock });
  jar.keep(source);
  return jar.header(path);
}

/** A broken value reads as undefined, as it does for a handler. */
const ignoreBroken = (): void => undefined;

function contentOf<T>({ identity, texts }: LiveRecord, { options }: SessionEngine): StoredSession<T> {
  const state = new SessionState(options, ignoreBroken, { kind: 'stored', identity }, texts);
  const entries = state.keys().map(key => [key, state.get(key)] as const);
  const flashes = state.flashFields().map(field => ({
    category: categoryOfField(field),
    message: state.decode(field, state.flashText(field) ?? '').value,
  }));
  return { ...infoOf({ identity, texts }), data: Object.fromEntries(entries) as Partial<T>, flashes };
}
