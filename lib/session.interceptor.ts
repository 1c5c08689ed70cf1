import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { mergeMap, tap, type Observable } from 'rxjs';
import type { CurrentRequestSession } from './nest/current-request-session.js';
import { answersItself } from './nest/answers-itself.js';
import { requestSessionOfHost } from './nest/request-of.js';
import { SESSION_ENGINE } from './session.constants.js';
import type { SessionEngine } from './session.engine.js';

/**
 * Commits after a handler that succeeded, so that an error of the store reaches the application's exception filters.
 * Changes that it does not see are committed when the head leaves: those of guards, filters, `@Res()` handlers, unknown
 * routes and GraphQL.
 */
@Injectable()
export class SessionInterceptor implements NestInterceptor {
  readonly #current: CurrentRequestSession;
  readonly #acts: boolean;

  constructor(@Inject(SESSION_ENGINE) engine: SessionEngine) {
    this.#current = engine.current;
    this.#acts = engine.claimInterceptor();
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const type = context.getType<'http' | 'graphql' | 'ws' | 'rpc'>();
    if (!this.#acts || (type !== 'http' && type !== 'graphql')) return next.handle();
    const requestSession = requestSessionOfHost(context);
    if (!requestSession) return next.handle();
    // Body parsers that use the thread pool may have lost the context that was entered when the session opened.
    const handled = this.#current.run(requestSession, () => next.handle());
    // A GraphQL answer has many resolvers, and others may still be running: its session is saved once, with the head.
    const commitsEarly = type === 'http' && !answersItself(context);
    return handled.pipe(
      tap({ error: error => requestSession.parts.log.mistake(error) }),
      // Each value waits for its commit. An operator of our own would save each request 0.7 µs, which is not worth its
      // code.
      mergeMap((value: unknown) => {
        const saved = commitsEarly ? requestSession.commit() : undefined;
        return saved ? saved.then(() => value) : [value];
      }),
    );
  }
}
