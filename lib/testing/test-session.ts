import { Logger } from '@nestjs/common';
import { StoredSessions } from '../backend/stored/stored-sessions.js';
import { idOf, newSid } from '../crypto/session-id.js';
import { SessionUsageError } from '../errors/session.error.js';
import { SessionEvents } from '../events/session-events.js';
import { SessionLifecycle } from '../lifecycle/session-lifecycle.js';
import { logTo } from '../nest/session-logger.js';
import { resolveSessionOptions } from '../options/resolve-session-options.js';
import type { SessionData } from '../session/session-data.interface.js';
import { fieldOfKey } from '../session/session-fields.js';
import type { SessionOf } from '../session/session.interface.js';
import { SessionState } from '../session/session-state.js';
import { EMPTY } from '../session/standing.js';
import { assertLoginId } from '../session/user-id.js';
import { GuardedStore } from '../store/guarded-store.js';
import { MemorySessionStore } from '../stores/memory/memory.store.js';
import { systemClock, type Clock } from '../time/clock.js';
import { beginExchange, type TestExchange } from './test-exchange.js';

/** @publicApi */
export interface TestSessionOptions {
  /**
   * The user that is signed in.
   * @default none: the session is not signed in
   */
  readonly userId?: string;
  /**
   * The clock of the session's times and limits.
   * @default the clock of the machine
   */
  readonly clock?: Clock;
}

const exchanges = new WeakMap<object, TestExchange>();

/**
 * A session without HTTP, for the unit test of a controller or a service. It is the object that a handler gets, in a
 * request of its own, over a memory store of its own: `login()`, `update()`, `destroy()` and the rest work as they do
 * there.
 *
 * @param data what the session already holds. Without data and without a user it is the session of a new visitor
 * @throws SessionDataError when the data cannot be stored
 * @throws TypeError when `login()` would refuse the user id
 * @example
 * ```ts
 * const session = testSession({ cart: ['tea'] }, { userId: 'ada' });
 * await session.update('cart', (cart = []) => [...cart, 'milk']);
 * expect(session.cart).toEqual(['tea', 'milk']);
 * expect(session.loggedInAs).toBe('ada');
 * ```
 *
 * @publicApi
 */
export function testSession<T extends object = SessionData>(
  data: Partial<T> = {},
  options: TestSessionOptions = {},
): SessionOf<T> {
  const exchange = beginTestExchange(data, options);
  const { facade } = exchange.requestSession.loadedSession();
  exchanges.set(facade, exchange);
  return facade as SessionOf<T>;
}

/** The request of a test session. @throws SessionUsageError when `testSession()` did not make the session */
export function exchangeOf(session: object): TestExchange {
  const exchange = exchanges.get(session);
  if (exchange) return exchange;
  throw new SessionUsageError('testContext() takes a session that testSession() returned');
}

function beginTestExchange(data: object, { userId, clock = systemClock }: TestSessionOptions): TestExchange {
  if (userId !== undefined) assertLoginId(userId);
  const options = resolveSessionOptions('memory', { production: false });
  const log = logTo(new Logger('SessionModule'));
  const events = new SessionEvents(log);
  const store = new MemorySessionStore({ clock });
  const stored = new StoredSessions(
    new GuardedStore(store, options.storeTimeoutMs, events),
    options,
    clock,
    events,
  );
  const lifecycle = new SessionLifecycle(stored, options, clock, events, log);
  const state = new SessionState(options, () => undefined, EMPTY);
  const texts = Object.fromEntries(
    Object.entries(data)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [fieldOfKey(key), state.encode(value, fieldOfKey(key), key)]),
  );
  if (userId === undefined && Object.keys(texts).length === 0) return opened(beginExchange(lifecycle));
  const token = newSid();
  const id = idOf(token);
  const meta = stored.newMeta(userId);
  store.create(id, stored.newRecord(meta, texts));
  if (userId !== undefined) void store.index.add(userId, id, meta.endsAt, clock.now());
  return opened(beginExchange(lifecycle, { cookie: `${lifecycle.cookie.name}=${token}` }));
}

/** The memory store answers at once, so the session is there when `open()` returns. */
function opened(exchange: TestExchange): TestExchange {
  void exchange.requestSession.open();
  return exchange;
}
