import type { ExecutionContext, Type } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { makeExcludedSession } from '../nest/excluded-session.js';
import { makeSessionProperty } from '../nest/bind-to-adapter.js';
import { exchangeOf, testSession } from './test-session.js';

type Handler = ReturnType<ExecutionContext['getHandler']>;

class PlainController {}

function plainHandler(): void {}

/** @publicApi */
export interface TestContextOptions {
  /**
   * Properties to set on the request, such as `user`, `params` or `body`.
   * @default none
   */
  readonly request?: Readonly<Record<string, unknown>>;
  /**
   * The handler, whose metadata the tested code reads.
   * @default a function without metadata
   */
  readonly handler?: Handler;
  /**
   * The controller, whose metadata the tested code reads.
   * @default a class without metadata
   */
  readonly controller?: Type;
}

/** An execution context of an HTTP request that `getSession()` and `@Session()` accept. @publicApi */
export interface TestContext extends ExecutionContext {
  /** The request, with `request.session`. */
  readonly request: IncomingMessage & Record<string, unknown>;
  readonly response: ServerResponse;
}

/**
 * The context of a request with this session: for the unit test of a guard, a pipe, an interceptor, a filter, or of
 * anything that calls `getSession()`.
 *
 * @param session what `testSession()` returned; by default the session of a new visitor
 * @throws SessionUsageError when `testSession()` did not make the session
 * @example
 * ```ts
 * @Injectable()
 * class SignedInGuard implements CanActivate {
 *   async canActivate(context: ExecutionContext) {
 *     return (await getSession(context)).loggedInAs !== undefined;
 *   }
 * }
 *
 * it('lets users in', async () => {
 *   const context = testContext(testSession({}, { userId: 'ada' }));
 *   expect(await new SignedInGuard().canActivate(context)).toBe(true);
 * });
 * ```
 *
 * @publicApi
 */
export function testContext(session: object = testSession(), options: TestContextOptions = {}): TestContext {
  const { request, response, requestSession } = exchangeOf(session);
  const { log } = requestSession.parts;
  Object.defineProperty(request, 'session', makeSessionProperty(makeExcludedSession(log), log));
  Object.assign(request, options.request);
  const { handler = plainHandler, controller = PlainController } = options;
  const host = new ExecutionContextHost([request, response, () => undefined], controller, handler);
  host.setType('http');
  return Object.assign(host, { request: request as TestContext['request'], response });
}
