import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { from, mergeMap, of, tap, type Observable } from 'rxjs';
import { currentExchange } from './http/current-exchange.js';
import { exchangeOf } from './http/bind-to-adapter.js';
import { SESSION_ENGINE } from './session.constants.js';
import type { SessionEngine } from './session.engine.js';

/**
 * Commits after a handler that succeeded, so that an error of the store reaches the application's exception filters. What
 * it does not see (guards, `@Res()`, filters, unknown routes) is committed when the head leaves.
 */
@Injectable()
export class SessionInterceptor implements NestInterceptor {
  readonly #acts: boolean;

  constructor(@Inject(SESSION_ENGINE) engine: SessionEngine) {
    this.#acts = engine.claimInterceptor();
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (!this.#acts || context.getType() !== 'http') return next.handle();
    const exchange = exchangeOf(context.switchToHttp().getRequest());
    if (!exchange) return next.handle();
    // Body parsers that hop through the thread pool may have lost the context that the early open entered.
    const handled = currentExchange.run(exchange, () => next.handle());
    return handled.pipe(
      tap({ error: error => exchange.lifecycle.log.mistake(error) }),
      mergeMap((value: unknown) => {
        const saved = exchange.lifecycle.commit(exchange);
        return saved ? from(saved.then(() => value)) : of(value);
      }),
    );
  }
}

const selfAnswering = new WeakMap<object, boolean>();

/**
 * A handler with `@Res()` or `@Next()` answers by itself, perhaps after it has returned. Its session is committed with
 * its head and not before: a filter that answered for it meanwhile would make it answer a second time, out of a stream
 * or a timer where nobody catches what that throws.
 */
function answersItself(context: ExecutionContext): boolean {
  const handler = context.getHandler();
  const known = selfAnswering.get(handler);
  if (known !== undefined) return known;
  const place = [context.getClass(), handler.name] as const;
  const parameters = Object.keys(
    (Reflect.getMetadata(ROUTE_ARGS_METADATA, ...place) as object | undefined) ?? {},
  );
  const isOwn = (type: RouteParamtypes): boolean => parameters.some(name => name.startsWith(`${type}:`));
  const answers =
    (isOwn(RouteParamtypes.RESPONSE) || isOwn(RouteParamtypes.NEXT)) &&
    Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, ...place) !== true;
  selfAnswering.set(handler, answers);
  return answers;
}
