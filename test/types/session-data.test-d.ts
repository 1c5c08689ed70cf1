import { describe, expectTypeOf, it } from 'vitest';
import { getSession, type Session, type SessionData, type Sessions } from 'nestjs-http-session';

declare module 'nestjs-http-session' {
  interface SessionData {
    colourOfTypeTests: 'red' | 'blue';
  }
}

describe('interface SessionData, augmented', () => {
  it('is what every session has that names no type of its own', () => {
    expectTypeOf<SessionData>().toHaveProperty('colourOfTypeTests');
    expectTypeOf<Session['colourOfTypeTests']>().toEqualTypeOf<'red' | 'blue' | undefined>();
    expectTypeOf(({} as Sessions).current()).resolves.toEqualTypeOf<Session>();
    expectTypeOf(getSession({}).then(session => session.colourOfTypeTests)).resolves.toEqualTypeOf<
      'red' | 'blue' | undefined
    >();
  });

  it('is left out by a type of its own', () => {
    expectTypeOf<Session<{ size?: number }>>().not.toHaveProperty('colourOfTypeTests');
    expectTypeOf<Session<SessionData & { size?: number }>>().toHaveProperty('colourOfTypeTests');
  });
});
