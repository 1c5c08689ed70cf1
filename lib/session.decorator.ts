import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { exchangeIn } from './nest/request-of.js';
import type { HttpSession } from './session/http-session.js';
import type { SessionData } from './session/session-data.interface.js';
import type { SessionOf } from './session/session.interface.js';

/**
 * The decorator shares its name with the type, so SWC and Vite say that a parameter is of the class `Session`, and a
 * `ValidationPipe` with `validateCustomDecorators` would make one of it. tsc says `Object`; now all of them do.
 */
const emitObject: ParameterDecorator = (target, method, index) => {
  if (method === undefined) return;
  const types = Reflect.getOwnMetadata('design:paramtypes', target, method) as unknown[] | undefined;
  if (types?.[index] === Session) types[index] = Object;
};

/**
 * What the installed NestJS takes after the key: pipes, and since NestJS 12 options with pipes and a schema. The type of
 * the options is not named here, because NestJS 11 does not have it.
 */
type PipeOrOptions = Parameters<ReturnType<typeof createParamDecorator<never>>>[number];

/**
 * Injects the session, or one key of it, into a handler. The same name is the type of what is injected.
 *
 * With a key, pipes apply to its value.
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
export const Session: (keyOrPipe?: string | PipeOrOptions, ...pipes: PipeOrOptions[]) => ParameterDecorator =
  createParamDecorator(
    (key: string | undefined, context: ExecutionContext) => {
      const exchange = exchangeIn(context);
      const give = (session: HttpSession): unknown => (key === undefined ? session.facade : session.get(key));
      // Loaded early, it costs no turn of the event loop.
      return exchange.session ? give(exchange.session) : exchange.getSession().then(give);
    },
    [emitObject],
  );

/**
 * A session: the keys of `T` as plain optional properties, and the members (`login`, `destroy`, `update` …).
 *
 * @typeParam T - the keys that this handler uses; by default those of `SessionData`
 * @publicApi
 */
export type Session<T = SessionData> = SessionOf<T>;
