import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Session } from '../session.decorator.js';
import { ManualClock } from './manual-clock.js';
import { testSession } from './test-session.js';

interface Shop {
  cart: string[];
  since: Date;
}

describe('testSession()', () => {
  it('without arguments it is the session of a new visitor', () => {
    const session = testSession();
    expect({ ...session }).toEqual({});
    expect(session.isNew).toBe(true);
    expect(session.id).toBeUndefined();
    expect(session.loggedInAs).toBeUndefined();
  });

  it('holds its data as a later request would read it', () => {
    const since = new Date('2026-01-01');
    const cart = ['tea'];
    const session = testSession<Shop>({ cart, since });
    expectTypeOf(session).toEqualTypeOf<Session<Shop>>();
    expect({ ...session }).toEqual({ cart: ['tea'], since });
    expect(session.cart).not.toBe(cart);
    expect(session.isNew).toBe(false);
    expect(session.id).toMatch(/^[0-9a-f]{64}$/);
    expect(session.loggedInAs).toBeUndefined();
  });

  it('can be signed in', () => {
    const session = testSession({}, { userId: 'ada' });
    expect(session.loggedInAs).toBe('ada');
    expect(session.loggedInAt).toBeInstanceOf(Date);
    expect(session.isNew).toBe(false);
  });

  it('a key that is undefined is left out', () => {
    expect({ ...testSession<Shop>({ cart: undefined as never }) }).toEqual({});
  });

  it('two of them share nothing', () => {
    const one = testSession<Shop>({ cart: ['tea'] }, { userId: 'ada' });
    const other = testSession<Shop>({ cart: ['tea'] }, { userId: 'ada' });
    expect(one.id).not.toBe(other.id);
    one.cart?.push('milk');
    expect(other.cart).toEqual(['tea']);
  });

  it('keeps what is saved, and reload() drops what is not', async () => {
    const session = testSession<Shop>({ cart: ['tea'] });
    session.cart = ['milk'];
    await session.save();
    session.cart = ['lost'];
    await session.reload();
    expect(session.cart).toEqual(['milk']);
  });

  it('login() changes the id and keeps the data; of another user it keeps none', async () => {
    const session = testSession<Shop>({ cart: ['tea'] });
    const { id } = session;
    await session.login('ada');
    expect(session.id).not.toBe(id);
    expect(session.loggedInAs).toBe('ada');
    expect(session.cart).toEqual(['tea']);
    await session.login('bob');
    expect(session.cart).toBeUndefined();
  });

  it('update(), take(), flash(), regenerate() and destroy() work', async () => {
    const session = testSession<Shop & { code: string }>({ cart: [], code: 'x' }, { userId: 'ada' });
    await Promise.all(['a', 'b', 'c'].map(item => session.update('cart', (cart = []) => [...cart, item])));
    expect(session.cart).toEqual(['a', 'b', 'c']);
    expect(await session.take('code')).toBe('x');
    expect(await session.take('code')).toBeUndefined();
    session.flash('info', 'saved');
    expect(await session.flashes('info')).toEqual(['saved']);
    await session.regenerate();
    expect({ ...session }).toEqual({});
    await session.login('ada');
    await session.destroy();
    expect(session.loggedInAs).toBeUndefined();
  });

  it('the first write of a visitor creates a session', async () => {
    const session = testSession<Shop>();
    session.cart = ['tea'];
    await session.save();
    expect(session.id).toMatch(/^[0-9a-f]{64}$/);
    await session.reload();
    expect(session.cart).toEqual(['tea']);
  });

  it('takes its times from a clock', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const session = testSession<Shop>({ cart: [] }, { clock });
    expect(session.createdAt).toEqual(new Date(Date.UTC(2026, 0, 1)));
    clock.advance('2h');
    await expect(session.update('cart', cart => [...(cart ?? []), 'late'])).rejects.toMatchObject({
      code: 'SESSION_ENDED',
    });
  });

  it.each([() => undefined, Symbol('x'), new (class Cart {})()])(
    'refuses what cannot be stored: %s',
    value => {
      expect(() => testSession<Record<string, unknown>>({ key: value })).toThrow(/key/);
    },
  );

  it.each(['', 'x'.repeat(1025), 7 as unknown as string])(
    'refuses a user id that login() refuses',
    userId => {
      expect(() => testSession({}, { userId })).toThrow(TypeError);
    },
  );
});
