import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { exchangeIn } from './http/request-of.js';
import type { HttpSession } from './session/http-session.js';
import type { SessionData } from './session/session-data.interface.js';
import type { SessionOf } from './session/session.interface.js';

/**
 * Injects the session, or one key of it, into a handler. The same name is the type of what is injected.
 *
 * With a key, pipes apply to its value. A `ValidationPipe` with `validateCustomDecorators` must not be applied to the
 * whole session.
 *
 * @throws SessionUsageError on a path of `exclude`
 * @example
 * ```ts
 * @Get('views')
 * views(@Session() session: Session<{ views?: number }>) {
 *   session.views = (session.views ?? 0) + 1;
 *   return { views: session.views };
 * }
 *
 * @Get('cart')
 * cart(@Session('cart') cart: string[] = []) {
 *   return cart;
 * }
 * ```
 *
 * @publicApi
 */
export const Session = createParamDecorator((key: string | undefined, context: ExecutionContext) => {
  const exchange = exchangeIn(context);
  const give = (session: HttpSession): unknown => (key === undefined ? session.facade : session.get(key));
  // Loaded early, it costs no turn of the event loop.
  return exchange.session ? give(exchange.session) : exchange.lifecycle.get(exchange).then(give);
});

/**
 * A session: the keys of `T` as plain optional properties, and the members (`login`, `destroy`, `update` …).
 *
 * @typeParam T - the keys that this handler uses; by default those of `SessionData`
 * @publicApi
 */
export type Session<T = SessionData> = SessionOf<T>;
