import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { requireRequestSession } from './nest/request-of.js';
import type { HttpSession } from './session/http-session.js';
import type { SessionData } from './session/session-data.interface.js';
import type { SessionOf } from './session/session.interface.js';

/**
 * Makes the emitted type of the parameter `Object`, as tsc does. SWC and Vite emit `Session`, because the decorator and
 * the type share this name. A `ValidationPipe` with `validateCustomDecorators` would then try to create an instance of
 * it.
 */
const emitObject: ParameterDecorator = (target, method, index) => {
  if (method === undefined) return;
  const types = Reflect.getOwnMetadata('design:paramtypes', target, method) as unknown[] | undefined;
  if (types?.[index] === Session) types[index] = Object;
};

/**
 * What the installed NestJS takes after the key: pipes, and since NestJS 12 options with pipes and a schema. The type
 * of the options is not named here, because NestJS 11 does not have it.
 */
type PipeOrOptions = Parameters<ReturnType<typeof createParamDecorator<never>>>[number];

/**
 * Injects the session, or the value of one key, into a handler. The type of the session has the same name.
 *
 * With a key, pipes are applied to its value.
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
      const requestSession = requireRequestSession(context);
      const give = (session: HttpSession): unknown => (key === undefined ? session.facade : session.get(key));
      // A session that is loaded already is returned without a promise, which saves a turn of the event loop.
      return requestSession.session ? give(requestSession.session) : requestSession.getSession().then(give);
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
