import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Catch,
  ForbiddenException,
  Inject,
  Injectable,
  ParseIntPipe,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type CanActivate,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
} from '@nestjs/common';
import {
  Args,
  Context,
  Field,
  GqlExecutionContext,
  GraphQLModule,
  Int,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { GraphQLError } from 'graphql';
import { createClient } from 'graphql-ws';
import { AsyncResource } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { getSession, Session, Sessions, type SessionClosedError } from '../../lib/index.js';
import { WebSocket } from 'ws';
import { backends } from '../support/backends.js';
import type { Browser } from '../support/browser.js';
import { describeOver } from '../support/cells.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms, type Platform } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Shop {
  views?: number;
  cart?: string[];
  tried?: number;
  left?: string;
  right?: string;
}

@Injectable()
class SignedInGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await getSession<Shop>(context);
    if (session !== (await getSession<Shop>(GqlExecutionContext.create(context)))) return false;
    if (session.loggedInAs !== undefined) return true;
    session.tried = (session.tried ?? 0) + 1;
    return false;
  }
}

/** Counts in the session what went wrong. */
@Catch(RangeError)
class CountingFilter implements ExceptionFilter {
  async catch(_: RangeError, host: ArgumentsHost): Promise<Error> {
    const session = await getSession<Shop>(host);
    session.tried = (session.tried ?? 0) + 1;
    return new ForbiddenException();
  }
}

/** Tells both servers which status an answer without data has. */
class StatusError extends GraphQLError {
  constructor(
    message: string,
    readonly statusCode: number,
  ) {
    super(message, { extensions: { http: { status: statusCode } } });
  }
}

@ObjectType()
class Cart {
  @Field(() => String)
  owner!: string;
}

@Resolver(() => Cart)
class CartResolver {
  @Query(() => Cart)
  cart(@Session() session: Session<Shop>): Cart {
    return { owner: session.loggedInAs ?? 'a visitor' };
  }

  @ResolveField(() => [String])
  items(@Session('cart') cart: string[] = []) {
    return cart;
  }
}

@Resolver()
class ShopResolver {
  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  @Query(() => Int)
  views(@Session('views', new ParseIntPipe({ optional: true })) views = 0) {
    return views;
  }

  @Query(() => String)
  async current(@Session() session: Session<Shop>) {
    return (await this.sessions.current()) === (session as unknown) ? 'the same' : 'another';
  }

  @Query(() => String)
  async byContext(@Session() session: Session<Shop>, @Context() context: { req: object }) {
    const found = [await getSession(context), await getSession(context.req)];
    return found.every(one => one === (session as unknown)) ? 'the same' : 'another';
  }

  @UseGuards(SignedInGuard)
  @Query(() => String)
  mine(@Session() session: Session<Shop>) {
    return session.loggedInAs;
  }

  @Query(() => Int)
  tried(@Session() session: Session<Shop>) {
    return session.tried ?? 0;
  }

  /** Fields of a query run at the same time: both begin before either ends. */
  @Query(() => String, { nullable: true })
  async left(@Session() session: Session<Shop>, @Args('value', { type: () => String }) value: string) {
    const before = session.right;
    session.left = value;
    await turn();
    return before ?? session.right;
  }

  @Query(() => String, { nullable: true })
  async right(@Session() session: Session<Shop>, @Args('value', { type: () => String }) value: string) {
    const before = session.left;
    session.right = value;
    await turn();
    return before ?? session.left;
  }

  @Query(() => [String])
  sides(@Session() session: Session<Shop>) {
    return [session.left ?? '', session.right ?? ''];
  }

  /** Tells once who is signed in, and what became of a login over a socket. */
  @Subscription(() => String)
  async *told(@Session() session: Session<Shop>, @Context() context: object) {
    const refused = await session
      .login('mallory')
      .catch((error: unknown) => (error as SessionClosedError).code);
    const { loggedInAs } = await getSession(context);
    yield { told: `${loggedInAs ?? 'a visitor'}, ${refused ?? 'signed in'}` };
  }

  @Mutation(() => Int)
  visit(@Session() session: Session<Shop>) {
    session.views = (session.views ?? 0) + 1;
    return session.views;
  }

  @Mutation(() => [String])
  add(@Session() session: Session<Shop>, @Args('item', { type: () => String }) item: string) {
    return session.update('cart', (cart = []) => [...cart, item]);
  }

  @Mutation(() => String)
  async login(@Session() session: Session<Shop>, @Args('user', { type: () => String }) user: string) {
    await session.login(user);
    return session.loggedInAs;
  }

  @Mutation(() => Boolean)
  async logout(@Session() session: Session<Shop>) {
    await session.destroy();
    return true;
  }

  /** Part of an answer: the error stands beside the data. */
  @Mutation(() => Int, { nullable: true })
  failPart(@Session() session: Session<Shop>): number {
    session.views = 100;
    throw new Error('no luck');
  }

  /** The whole answer: there is no data. */
  @Mutation(() => Int)
  failWhole(@Session() session: Session<Shop>, @Args('status', { type: () => Int }) status: number): number {
    session.views = status;
    throw new StatusError('no luck', status);
  }

  /** The mistake shows in the handler, and in the other one when the session is saved. */
  @Mutation(() => Int, { nullable: true })
  async refuseNow(@Session() session: Session) {
    await session.update('cart', () => () => 'a function');
  }

  @Mutation(() => Int, { nullable: true })
  refuseLater(@Session() session: Session) {
    session.set('cart', () => 'a function');
  }

  @Mutation(() => Boolean, { nullable: true })
  async loginAndFail(@Session() session: Session<Shop>): Promise<boolean> {
    await session.login('alice');
    throw new Error('no luck');
  }

  @UseFilters(CountingFilter)
  @Mutation(() => Boolean, { nullable: true })
  outOfRange(): boolean {
    throw new RangeError('too far');
  }

  @Mutation(() => Int, { nullable: true })
  async saveNow(@Session() session: Session<Shop>) {
    session.views = 7;
    await session.save();
    return session.views;
  }
}

interface Server {
  readonly name: 'Apollo' | 'Mercurius';
  readonly platform: Platform;
  module(options?: object): DynamicModule;
}

const apollo = (options: object = {}): DynamicModule =>
  GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, ...options });
const mercurius = (options: object = {}): DynamicModule =>
  GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true, ...options });

const servers: readonly Server[] = [
  ...platforms.map(platform => ({ name: 'Apollo' as const, platform, module: apollo })),
  ...platforms
    .filter(({ name }) => name === 'fastify')
    .map(platform => ({ name: 'Mercurius' as const, platform, module: mercurius })),
];
const titled = servers.map(server => ({ ...server, title: `${server.name} on ${server.platform.name}` }));

const providers = [ShopResolver, CartResolver];

interface Result {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string }[];
}

async function ask(browser: Browser, query: string): Promise<Result & { status: number; cookies: number }> {
  const { status, setCookies, text, json } = await browser.post('/graphql', { query });
  return { ...(text === '' ? {} : json<Result>()), status, cookies: setCookies.length };
}

const dataOf = async (browser: Browser, query: string): Promise<unknown> => {
  const { data, errors, status } = await ask(browser, query);
  if (errors || status !== 200) throw new Error(`${status} ${JSON.stringify(errors)}`);
  return data;
};

for (const { platform, name, module } of servers) {
  describeOver(`sessions in resolvers of ${name} on ${platform.name}`, backends, backend => {
    let running: RunningApp;
    beforeAll(async () => {
      running = await startApp({ platform, backend, providers, imports: [module()] });
    });
    afterAll(() => running.close());

    it('@Session() gives the session to queries, mutations and fields', async () => {
      const browser = running.browser();
      expect(await dataOf(browser, '{ views cart { owner items } }')).toEqual({
        views: 0,
        cart: { owner: 'a visitor', items: [] },
      });
      expect(browser.cookie).toBe('');
      expect(await dataOf(browser, 'mutation { visit add(item: "tea") }')).toEqual({
        visit: 1,
        add: ['tea'],
      });
      expect(await dataOf(browser, 'mutation { visit add(item: "jam") login(user: "alice") }')).toEqual({
        visit: 2,
        add: ['tea', 'jam'],
        login: 'alice',
      });
      expect(await dataOf(browser, '{ views cart { owner items } }')).toEqual({
        views: 2,
        cart: { owner: 'alice', items: ['tea', 'jam'] },
      });
    });

    it('getSession() gives the same object in guards and filters, and for the context and its request', async () => {
      const browser = running.browser();
      expect(await ask(browser, '{ mine }')).toMatchObject({ status: 200, errors: [expect.anything()] });
      expect(await ask(browser, 'mutation { outOfRange }')).toMatchObject({ errors: [expect.anything()] });
      expect(await dataOf(browser, '{ tried }')).toEqual({ tried: 2 });
      await dataOf(browser, 'mutation { login(user: "alice") }');
      expect(await dataOf(browser, '{ mine byContext current }')).toEqual({
        mine: 'alice',
        byContext: 'the same',
        current: 'the same',
      });
    });

    it('a login gives a new id, and a logout ends the session for every copy of the cookie', async () => {
      const browser = running.browser();
      await dataOf(browser, 'mutation { visit }');
      const before = browser.copy();
      await dataOf(browser, 'mutation { login(user: "alice") }');
      expect(await dataOf(before, '{ views }')).toEqual({ views: 0 });
      const copy = browser.copy();
      await dataOf(browser, 'mutation { logout }');
      expect(await dataOf(copy, '{ views cart { owner } }')).toEqual({
        views: 0,
        cart: { owner: 'a visitor' },
      });
    });

    it('fields that run at the same time share one object, and nothing of either is lost', async () => {
      const browser = running.browser();
      const answer = await dataOf(browser, '{ left(value: "a") right(value: "b") }');
      expect(answer).toEqual({ left: 'b', right: 'a' }); // each saw what the other had assigned
      expect(await dataOf(browser, '{ sides }')).toEqual({ sides: ['a', 'b'] });
    });
  });
}

describe.each(titled)('a GraphQL answer of $title', ({ name, platform, module }) => {
  let store: FaultyStore;
  let running: RunningApp;
  beforeAll(async () => {
    store = new FaultyStore();
    running = await startApp({
      platform,
      backend: { store },
      providers,
      imports: [
        module(
          name === 'Apollo'
            ? { allowBatchedHttpRequests: true, preserveHttpStatusForExecutionErrors: false }
            : { allowBatchedQueries: true },
        ),
      ],
    });
  });
  afterAll(() => running.close());
  afterEach(() => store.restore());

  async function visitor(): Promise<Browser> {
    const browser = running.browser();
    await dataOf(browser, 'mutation { visit }');
    store.takeVerbs();
    return browser;
  }

  it('leaves after the store has the change', async () => {
    const browser = running.browser();
    const held = store.hold('create');
    let isAnswered = false;
    const answer = ask(browser, 'mutation { visit }').finally(() => (isAnswered = true));
    await held.reached;
    await turn();
    expect(isAnswered).toBe(false);
    held.release();
    expect(await answer).toMatchObject({ status: 200, cookies: 1, data: { visit: 1 } });
  });

  it('costs one read and one write, however many resolvers it has', async () => {
    const browser = await visitor();
    await dataOf(browser, 'mutation { first: visit second: visit third: visit }');
    expect(store.takeVerbs()).toEqual(['load', 'update']);
    await dataOf(browser, '{ left(value: "a") right(value: "b") views tried }');
    expect(store.takeVerbs()).toEqual(['load', 'update']);
    await dataOf(browser, '{ views tried cart { items } }');
    expect(store.takeVerbs()).toEqual(['load']);
  });

  it('costs one read and one write when it answers several operations of one request', async () => {
    const browser = await visitor();
    const operations = ['mutation { visit }', 'mutation { visit }', '{ tried }'].map(query => ({ query }));
    const { status, text } = await browser.post('/graphql', operations);
    expect({ status, text }).toMatchObject({ status: 200 });
    expect(store.takeVerbs()).toEqual(['load', 'update']);
    expect(await dataOf(browser, '{ views }')).toEqual({ views: 3 });
  });

  it('is a 503 without a cookie when the save fails, and has no data', async () => {
    const browser = running.browser();
    store.fail('create');
    const answer = await browser.post('/graphql', { query: 'mutation { visit }' });
    expect(answer.status).toBe(503);
    expect(answer.json()).toEqual({ statusCode: 503, message: 'Service Unavailable' });
    expect([answer.setCookies, answer.headers.get('retry-after')]).toEqual([[], '1']);
  });

  it('reports in its errors that save() failed, and answers 503 if unsaved changes cannot be saved', async () => {
    const browser = await visitor();
    store.fail('update');
    const { status, errors } = await ask(browser, 'mutation { saveNow }');
    store.restore();
    expect({ status, errors }).toMatchObject({ status: 503 });
    expect(await dataOf(browser, '{ views }')).toEqual({ views: 1 });
  });

  it('with an error in addition to its data, saves the changes: its status is 200', async () => {
    const browser = await visitor();
    expect(await ask(browser, 'mutation { failPart visit }')).toMatchObject({
      status: 200,
      data: { failPart: null, visit: 101 },
      errors: [{ message: 'no luck' }],
    });
    expect(await dataOf(browser, '{ views }')).toEqual({ views: 101 });
  });

  it('without data saves what was changed when its status is 200, and nothing when it is 500', async () => {
    const browser = await visitor();
    expect(await ask(browser, 'mutation { failWhole(status: 200) }')).toMatchObject({
      status: 200,
      data: null,
      errors: [{ message: 'no luck' }],
    });
    expect(await dataOf(browser, '{ views }')).toEqual({ views: 200 });
    expect(await ask(browser, 'mutation { failWhole(status: 500) }')).toMatchObject({
      status: 500,
      data: null,
      errors: [{ message: 'no luck' }],
    });
    expect(await dataOf(browser, '{ views }')).toEqual({ views: 200 });
  });

  it.each(['refuseNow', 'refuseLater'])('logs once that a value cannot be kept: %s', async mutation => {
    const browser = await visitor();
    const logged = running.logs.length;
    const { status, errors } = await ask(browser, `mutation { ${mutation} }`);
    expect(status === 500 || errors?.length === 1).toBe(true);
    expect(running.logs.slice(logged).filter(line => line.startsWith('error'))).toEqual([
      expect.stringContaining('"cart"'),
    ]);
    expect(await dataOf(browser, '{ views cart { items } }')).toEqual({ views: 1, cart: { items: [] } });
  });

  it('with an error after a login() still sets its cookie', async () => {
    const browser = await visitor();
    expect(await ask(browser, 'mutation { loginAndFail }')).toMatchObject({ status: 200, cookies: 1 });
    expect(await dataOf(browser, '{ mine }')).toEqual({ mine: 'alice' });
  });

  it('reports in its errors that the session cannot be read, and does not answer as for a signed-out user', async () => {
    const browser = await visitor();
    await dataOf(browser, 'mutation { login(user: "alice") }');
    store.fail('load');
    const { data, errors } = await ask(browser, '{ mine }');
    expect(data ?? null).toBeNull();
    expect(errors).toHaveLength(1);
    store.restore();
    expect(await dataOf(browser, '{ mine }')).toEqual({ mine: 'alice' });
  });
});

describe.each(titled)('the context of $title', ({ name, platform, module }) => {
  const start = (options: object, session: object = {}): Promise<RunningApp> =>
    startApp({
      platform,
      backend: { type: 'memory' },
      session,
      providers,
      imports: [module(options)],
    });

  const contexts: Record<string, object> = {
    'is an object': { context: { shop: 1 } },
    'is made by a function': { context: () => ({ shop: 1 }) },
    'has the request as "request"': {
      context: (first: { req?: object }) => ({ req: 0, request: first.req ?? first }),
    },
  };

  it.each(Object.keys(contexts))('%s', async title => {
    const running = await start(contexts[title] ?? {});
    const browser = running.browser();
    expect(await dataOf(browser, 'mutation { visit }')).toEqual({ visit: 1 });
    expect(await dataOf(browser, '{ views }')).toEqual({ views: 1 });
    await running.close();
  });

  it('without a request has no session, and the log says what it needs', async () => {
    const running = await start({ context: () => ({ req: {} }) });
    const { data, errors } = await ask(running.browser(), '{ current }');
    // Mercurius adds its own `reply`, which has the request.
    if (name === 'Mercurius') expect(data).toEqual({ current: 'the same' });
    else {
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringMatching(/the GraphQL context has no request.*"req"/) as string,
        }),
      ]);
      expect(running.logs.filter(line => line.startsWith('error'))).toEqual([
        expect.stringContaining('the GraphQL context has no request'),
      ]);
    }
    await running.close();
  });

  it('on a path of "exclude" has no session, and the log says so', async () => {
    const running = await start({}, { exclude: ['/graphql'] });
    expect((await ask(running.browser(), '{ current }')).errors).toHaveLength(1);
    expect(running.logs.filter(line => line.startsWith('error'))).toEqual([
      expect.stringContaining('this path is in "exclude"'),
    ]);
    await running.close();
  });

  it('with load: "lazy" has the session that is read when a resolver asks', async () => {
    const store = new FaultyStore();
    const running = await startApp({
      platform,
      backend: { store },
      session: { load: 'lazy' },
      providers,
      imports: [module()],
    });
    const browser = running.browser();
    await dataOf(browser, 'mutation { visit }');
    store.takeVerbs();
    expect(await dataOf(browser, '{ views tried }')).toEqual({ views: 1, tried: 0 });
    expect(store.takeVerbs()).toEqual(['load']);
    await dataOf(browser, '{ __typename }');
    expect(store.takeVerbs()).toEqual([]);
    await running.close();
  });
});

/** Code that runs in this has lost the request's context, as behind a body parser that waits for a thread pool. */
const elsewhere = new AsyncResource('elsewhere');

describe.each(titled)('Sessions.current() in resolvers of $title', ({ platform, module }) => {
  it('is the session of the request, although middleware has lost its context', async () => {
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      providers,
      imports: [module()],
      configure: app => {
        app.use((_: unknown, __: unknown, next: () => void) => elsewhere.runInAsyncScope(next));
      },
    });
    expect(await dataOf(running.browser(), '{ current }')).toEqual({ current: 'the same' });
    await running.close();
  });
});

describe.each(titled)('subscriptions of $title', ({ name, platform, module }) => {
  it('read the session for each operation, and refuse what would need a cookie', async () => {
    const running = await startApp({
      platform,
      backend: { type: 'memory' },
      providers,
      imports: [
        module(name === 'Apollo' ? { subscriptions: { 'graphql-ws': true } } : { subscription: true }),
      ],
    });
    const browser = running.browser();
    await dataOf(browser, 'mutation { login(user: "alice") }');
    class SocketWithCookie extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { headers: { cookie: browser.cookie } });
      }
    }
    const client = createClient({
      url: `${running.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: SocketWithCookie,
      lazy: false,
      retryAttempts: 0,
    });
    const told = async (): Promise<unknown> => {
      for await (const { data, errors } of client.iterate({ query: 'subscription { told }' })) {
        return data?.told ?? errors?.[0]?.message;
      }
      return 'nothing';
    };
    expect(await told()).toBe('alice, SESSION_HEAD_SENT');
    await dataOf(browser, 'mutation { logout }');
    expect(await told()).toBe('a visitor, SESSION_HEAD_SENT');
    await client.dispose();
    await running.close();
  });
});
