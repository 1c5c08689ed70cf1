import type { INestApplicationContext } from '@nestjs/common';
import type { SessionData } from '../session/session-data.interface.js';
import { engineOf } from './engine-of.js';
import { beginExchange } from './test-exchange.js';

/** @publicApi */
export interface SignInOptions<T = SessionData> {
  /**
   * The data of the session.
   * @default none
   */
  readonly data?: Partial<T>;
}

/** A session that `signIn()` made. @publicApi */
export interface SignedIn {
  /** The value of the `Cookie` header: `sid=…`. */
  readonly cookie: string;
  /** The public handle of the session, as `session.id`. */
  readonly id: string;
}

/**
 * Makes a session in which a user is signed in, as a login of the application would: in its store, with its options and
 * under the name of its cookie. Each call makes a session of its own, like a further device.
 *
 * @param app an application or a testing module, initialized or not
 * @param userId what `session.login()` takes
 * @throws SessionUsageError when the application does not import SessionModule
 * @throws SessionStoreError when the store does not answer
 * @throws SessionDataError when the data cannot be stored
 * @example
 * ```ts
 * const { cookie } = await signIn(app, 'ada', { data: { cart: ['tea'] } });
 * await fetch(`${await app.getUrl()}/cart`, { headers: { cookie } });
 * ```
 *
 * @publicApi
 */
export async function signIn<T extends object = SessionData>(
  app: INestApplicationContext,
  userId: string,
  { data = {} }: SignInOptions<T> = {},
): Promise<SignedIn> {
  const { lifecycle } = engineOf(app);
  const { requestSession } = beginExchange(lifecycle);
  const session = await requestSession.getSession();
  for (const [key, value] of Object.entries(data)) session.set(key, value);
  await session.login(userId);
  const { standing } = session.state;
  if (standing.kind !== 'stored') throw new Error('[session] login() left no session');
  const { token, id } = standing.identity;
  return { cookie: `${lifecycle.cookie.name}=${token}`, id };
}
