import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Observable } from 'rxjs';
import type { CurrentExchange } from './nest/current-exchange.js';
import { answersItself } from './nest/answers-itself.js';
import { exchangeOfHost } from './nest/request-of.js';
import { SESSION_ENGINE } from './session.constants.js';
import type { SessionEngine } from './session.engine.js';

/**
 * Commits after a handler that succeeded, so that an error of the store reaches the application's exception filters. What
 * it does not see (guards, `@Res()`, filters, unknown routes, GraphQL) is committed when the head leaves.
 */
@Injectable()
export class SessionInterceptor implements NestInterceptor {
  readonly #current: CurrentExchange;
  readonly #acts: boolean;

  constructor(@Inject(SESSION_ENGINE) engine: SessionEngine) {
    this.#current = engine.current;
    this.#acts = engine.claimInterceptor();
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const type = context.getType<'http' | 'graphql' | 'ws' | 'rpc'>();
    if (!this.#acts || (type !== 'http' && type !== 'graphql')) return next.handle();
    const exchange = exchangeOfHost(context);
    if (!exchange) return next.handle();
    // Body parsers that hop through the thread pool may have lost the context that the early open entered.
    const handled = this.#current.run(exchange, () => next.handle());
    // A GraphQL answer has many resolvers, and others may still be running: its session is saved once, with the head.
    const commitsEarly = type === 'http' && !answersItself(context);
    return committing(
      handled,
      () => (commitsEarly ? exchange.commit() : undefined),
      error => exchange.parts.log.mistake(error),
    );
  }
}

/**
 * Each value waits for its commit. Like `mergeMap`, but a request that has nothing to commit pays for one observer, and
 * not for an inner observable.
 */
function committing(
  source: Observable<unknown>,
  commit: () => Promise<void> | undefined,
  onError: (error: unknown) => void,
): Observable<unknown> {
  return new Observable(subscriber => {
    let pending = 0;
    let isSourceDone = false;
    const give = (value: unknown): void => {
      pending--;
      subscriber.next(value);
      if (isSourceDone && pending === 0) subscriber.complete();
    };
    return source.subscribe({
      next(value) {
        const saved = commit();
        if (!saved) return subscriber.next(value);
        pending++;
        saved.then(
          () => give(value),
          (error: unknown) => subscriber.error(error), // which the commit has logged
        );
      },
      error(error) {
        onError(error);
        subscriber.error(error);
      },
      complete() {
        isSourceDone = true;
        if (pending === 0) subscriber.complete();
      },
    });
  });
}
