import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { from, mergeMap, of, tap, type Observable } from 'rxjs';
import { currentExchange } from './http/current-exchange.js';
import { answersItself } from './answers-itself.js';
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
        const saved = answersItself(context) ? undefined : exchange.lifecycle.commit(exchange);
        return saved ? from(saved.then(() => value)) : of(value);
      }),
    );
  }
}
