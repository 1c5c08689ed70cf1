import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { describe, expectTypeOf, it } from 'vitest';
import { getSession, type Session, type SessionData, type SessionValues } from 'nestjs-http-session';

interface Shop {
  views?: number;
  cart?: string[];
  total: bigint;
}

declare const session: Session<Shop>;
declare const context: ExecutionContext;

function remember<T extends object, Key extends keyof T & string>(
  any: Session<T>,
  key: Key,
  value: T[Key],
): T[Key] | undefined {
  any.set(key, value);
  any.set(key, undefined);
  return any.get(key);
}

function copy<T extends SessionData, Key extends keyof T & string>(
  from: Session<T>,
  to: Session<T>,
  key: Key,
) {
  to.set(key, from.get(key));
}

async function replace<T, Key extends keyof T & string>(
  any: Session<T>,
  key: Key,
  change: (value: T[Key] | undefined) => T[Key],
  fallback: T[Key],
): Promise<T[Key] | undefined> {
  await any.update(key, change);
  await any.update(key, async value => value ?? fallback);
  return any.take(key);
}

function viewsOf<T extends { views?: number }>(any: Session<T>): number {
  return any.views ?? 0;
}

function swap<T, Key extends keyof SessionValues<T>>(
  any: Session<T>,
  key: Key,
  value: SessionValues<T>[Key],
): SessionValues<T>[Key] {
  const values: SessionValues<T> = any;
  const before = values[key];
  values[key] = value;
  return before;
}

function keep<Key extends keyof Shop>(
  shop: Session<Shop>,
  key: Key,
  value: Shop[Key],
): Shop[Key] | undefined {
  const values: SessionValues<Shop> = shop;
  values[key] = value;
  return values[key];
}

@Injectable()
class Wizard<Steps extends object> {
  async answer<Step extends keyof Steps & string>(of: ExecutionContext, step: Step, answer: Steps[Step]) {
    const steps = await getSession<Steps>(of);
    steps.set(step, answer);
    return steps.get(step);
  }
}

abstract class KeyGuard<T, Key extends keyof T & string> implements CanActivate {
  abstract readonly key: Key;
  abstract accepts(value: T[Key] | undefined): boolean;
  async canActivate(of: ExecutionContext) {
    return this.accepts((await getSession<T>(of)).get(this.key));
  }
}

class CartGuard extends KeyGuard<Shop, 'cart'> {
  readonly key = 'cart';
  accepts(cart: string[] = []) {
    return cart.length > 0;
  }
}

describe('helpers that are generic in the data or in the key', () => {
  it('read and write one key of any session', () => {
    expectTypeOf(remember(session, 'cart', ['tea'])).toEqualTypeOf<string[] | undefined>();
    // @ts-expect-error views is a number
    remember(session, 'views', 'many');
    // @ts-expect-error no such key
    remember(session, 'viewz', 1);
    const plain = session as unknown as Session;
    copy(plain, plain, 'colourOfTypeTests');
    // @ts-expect-error no such key
    copy(plain, plain, 'cart');
  });

  it('update and take one key of any session', () => {
    const views = replace(session, 'views', (views = 0) => views + 1, 0);
    expectTypeOf(views).resolves.toEqualTypeOf<number | undefined>();
  });

  it('have a session whose data is known in part', () => {
    expectTypeOf(viewsOf(session)).toEqualTypeOf<number>();
    // @ts-expect-error its views are texts
    viewsOf(session as unknown as Session<{ views: string }>);
  });

  it('are services and guards', () => {
    const total = new Wizard<Shop>().answer(context, 'total', 1n);
    expectTypeOf(total).resolves.toEqualTypeOf<bigint | undefined>();
    expectTypeOf(new CartGuard().canActivate(context)).resolves.toEqualTypeOf<boolean>();
  });

  it('reach the plain properties by a key of SessionValues<T>', () => {
    expectTypeOf(swap(session, 'views', 1)).toEqualTypeOf<number | undefined>();
    // @ts-expect-error views is a number
    swap(session, 'views', 'many');
    expectTypeOf(keep(session, 'total', 1n)).toEqualTypeOf<bigint | undefined>();
  });

  it('leave a key with the name of a member to get() and set()', () => {
    expectTypeOf<keyof SessionValues<{ id: number; views: number }>>().toEqualTypeOf<'views'>();
  });
});
