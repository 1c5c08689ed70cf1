import {
  Body,
  Controller,
  DefaultValuePipe,
  Get,
  ParseIntPipe,
  Post,
  type ExecutionContext,
} from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { describe, expectTypeOf, it } from 'vitest';
import {
  getSession,
  Session,
  type FlashMessage,
  type SessionMembers,
  type Sessions,
} from 'nestjs-http-session';

interface Shop {
  views?: number;
  cart?: string[];
  since?: Date;
  total: bigint;
}

declare const session: Session<Shop>;
declare const context: ExecutionContext;
declare const request: IncomingMessage;

describe('Session<T>', () => {
  it('has the keys of T as plain optional properties', () => {
    expectTypeOf(session.views).toEqualTypeOf<number | undefined>();
    expectTypeOf(session.since).toEqualTypeOf<Date | undefined>();
    expectTypeOf(session.total).toEqualTypeOf<bigint | undefined>();
    session.views = (session.views ?? 0) + 1;
    session.since ??= new Date();
    session.views = undefined;
    delete session.views;
    // @ts-expect-error a number is no text
    session.views = 'many';
    // @ts-expect-error no such key
    session.viewz = 1;
  });

  it('has members that cannot be assigned', () => {
    expectTypeOf(session.id).toEqualTypeOf<string | undefined>();
    expectTypeOf(session.isNew).toEqualTypeOf<boolean>();
    expectTypeOf(session.expiresAt).toEqualTypeOf<Date | undefined>();
    expectTypeOf(session.loggedInAs).toEqualTypeOf<string | undefined>();
    // @ts-expect-error a fact
    session.isNew = true;
    // @ts-expect-error use login()
    session.loggedInAs = 'alice';
  });

  it('lets a member win over a key of T with the same name; the key is reached by get() and set()', () => {
    const clashing = session as unknown as Session<{ id: number; update: string[]; mine: 1 }>;
    expectTypeOf(clashing.id).toEqualTypeOf<string | undefined>();
    expectTypeOf(clashing.update).toBeFunction();
    expectTypeOf(clashing.get('id')).toEqualTypeOf<number | undefined>();
    expectTypeOf(clashing.get('update')).toEqualTypeOf<string[] | undefined>();
    clashing.set('id', 5);
    // @ts-expect-error the key `id` holds a number
    clashing.set('id', 'five');
  });

  it('is assignable where fewer keys are wanted', () => {
    expectTypeOf(session).toExtend<Session<{ views?: number }>>();
    expectTypeOf(session).toExtend<Session>();
    // @ts-expect-error its views are numbers
    expectTypeOf(session).toExtend<Session<{ views?: string }>>();
  });

  it('may hold anything', () => {
    const loose = session as unknown as Session<Record<string, unknown>>;
    expectTypeOf(loose['anything']).toEqualTypeOf<unknown>();
    loose['anything'] = 1;
    expectTypeOf(loose.id).toEqualTypeOf<string | undefined>();
  });

  it('may be an interface, a type alias or a union of keys', () => {
    type Alias = { a?: 1; b: 'x' | 'y' };
    const aliased = session as unknown as Session<Alias>;
    expectTypeOf(aliased.b).toEqualTypeOf<'x' | 'y' | undefined>();
  });
});

describe('get(), set(), has() and delete()', () => {
  it('know the keys of T, and take any other string', () => {
    expectTypeOf(session.get('views')).toEqualTypeOf<number | undefined>();
    expectTypeOf(session.get('else')).toEqualTypeOf<unknown>();
    const key = 'cart' as string;
    expectTypeOf(session.get(key)).toEqualTypeOf<unknown>();
    session.set('views', 1);
    session.set('views', undefined);
    session.set('else', { any: 'thing' });
    session.set('total', undefined);
    // @ts-expect-error views is a number
    session.set('views', 'many');
    expectTypeOf(session.has('views')).toEqualTypeOf<boolean>();
    expectTypeOf(session.delete('else')).toEqualTypeOf<boolean>();
  });
});

describe('update() and take()', () => {
  it('give the value of the key, with a default that needs no types', () => {
    const cart = session.update('cart', (cart = []) => [...cart, 'tea']);
    expectTypeOf(cart).resolves.toEqualTypeOf<string[]>();
    const views = session.update('views', (views = 0) => views + 1);
    expectTypeOf(views).resolves.toEqualTypeOf<number>();
    expectTypeOf(session.update('views', async (views = 0) => views + 1)).resolves.toEqualTypeOf<number>();
    expectTypeOf(session.update('total', total => (total ?? 0n) + 1n)).resolves.toEqualTypeOf<bigint>();
    expectTypeOf(session.take('since')).resolves.toEqualTypeOf<Date | undefined>();
    // @ts-expect-error a list of texts is wanted
    void session.update('cart', () => [1]);
  });

  it('may be undefined when the function says so: that removes the key', () => {
    const removed = session.update('cart', cart => (cart?.length ? cart : undefined));
    expectTypeOf(removed).resolves.toEqualTypeOf<string[] | undefined>();
    expectTypeOf(session.update('cart', async () => undefined)).resolves.toEqualTypeOf<
      string[] | undefined
    >();
  });

  it('take keys that T does not name', () => {
    expectTypeOf(session.update('else', n => Number(n ?? 0) + 1)).resolves.toEqualTypeOf<unknown>();
    expectTypeOf(session.take('else')).resolves.toEqualTypeOf<unknown>();
  });
});

describe('operations', () => {
  it('give promises, or take a callback', () => {
    expectTypeOf(session.save()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(session.save(() => undefined)).toEqualTypeOf<void>();
    expectTypeOf(session.regenerate({ keep: ['cart'] })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(session.regenerate({ keep: true }, () => undefined)).toEqualTypeOf<void>();
    expectTypeOf(session.destroy((error?: unknown) => void error)).toEqualTypeOf<void>();
    expectTypeOf(session.login('alice', { keep: false })).toEqualTypeOf<Promise<void>>();
    // @ts-expect-error a user is named by a text
    void session.login(5);
    // @ts-expect-error touch() has no callback form
    void session.touch(() => undefined);
  });

  it('flash messages hold anything', () => {
    expectTypeOf(session.flash('info', { any: 'thing' })).toEqualTypeOf<void>();
    expectTypeOf(session.flashes()).toEqualTypeOf<Promise<FlashMessage[]>>();
    expectTypeOf(session.flashes('info')).toEqualTypeOf<Promise<unknown[]>>();
  });
});

describe('ways to the session', () => {
  it('are typed by T, or by SessionData', () => {
    expectTypeOf(getSession<Shop>(request)).resolves.toEqualTypeOf<Session<Shop>>();
    expectTypeOf(getSession(context)).resolves.toEqualTypeOf<Session>();
    expectTypeOf(({} as Sessions).current<Shop>()).resolves.toEqualTypeOf<Session<Shop>>();
    expectTypeOf<Session>().toExtend<SessionMembers>();
    // @ts-expect-error a text is no request
    void getSession('request');
  });

  it('decorate parameters, with and without a key, whatever the type of the parameter', () => {
    @Controller()
    class ShopController {
      @Get()
      whole(
        @Session() one: Session<Shop>,
        @Session('cart') cart: string[] = [],
        @Session('since') since?: Date,
      ) {
        return [one.views, cart, since];
      }

      @Post()
      add(@Session() one: Session<Shop>, @Body('item') item: string) {
        return one.update('cart', (cart = []) => [...cart, item]);
      }
    }
    expectTypeOf<ReturnType<ShopController['add']>>().resolves.toEqualTypeOf<string[]>();
  });

  it('take pipes, and options that hold pipes, after the key or instead of it', () => {
    expectTypeOf(Session).toBeCallableWith('views', ParseIntPipe, new DefaultValuePipe(0));
    expectTypeOf(Session).toBeCallableWith(new DefaultValuePipe({}));
    expectTypeOf(Session).toBeCallableWith('views', { pipes: [ParseIntPipe] });
    expectTypeOf(Session).toBeCallableWith({ pipes: [ParseIntPipe] });
    // @ts-expect-error a key is a string
    Session(42);
    // @ts-expect-error one key at most
    Session('views', 'cart');
    // @ts-expect-error a class that is not a pipe
    Session('views', Date);
    // @ts-expect-error no such option
    Session('views', { pipe: ParseIntPipe });
  });
});
