import { Injectable } from '@nestjs/common';
import { describe, expectTypeOf, it } from 'vitest';
import {
  SessionModule,
  type SessionEvent,
  type SessionInfo,
  type SessionModuleOptions,
  type SessionOptionsFactory,
  type Sessions,
  type SessionStore,
  type SessionStoreType,
} from 'nestjs-http-session';
import { MemorySessionStore } from 'nestjs-http-session/stores/memory';

const { forRoot, forRootAsync } = SessionModule;

describe('forRoot()', () => {
  it('takes the name of a type, options of that type, or a store', () => {
    expectTypeOf(forRoot).toBeCallableWith('memory');
    expectTypeOf(forRoot).toBeCallableWith('filesystem');
    expectTypeOf(forRoot).toBeCallableWith({ type: 'filesystem', directory: './.sessions', durable: true });
    expectTypeOf(forRoot).toBeCallableWith({ type: 'memory', maxSessions: 1_000 });
    expectTypeOf(forRoot).toBeCallableWith({ store: new MemorySessionStore() });
    expectTypeOf<'memory' | 'filesystem'>().toExtend<SessionStoreType>();
    // @ts-expect-error no such type
    forRoot('postgres');
    // @ts-expect-error somewhere has to be said
    forRoot({});
    // @ts-expect-error somewhere has to be said
    forRoot();
  });

  it('refuses the options of another store, both ways at once, and unknown names', () => {
    // @ts-expect-error `directory` belongs to the files
    forRoot({ type: 'memory', directory: './.sessions' });
    // @ts-expect-error `maxSessions` belongs to the memory
    forRoot({ type: 'filesystem', maxSessions: 5 });
    // @ts-expect-error one of the two
    forRoot({ type: 'memory', store: new MemorySessionStore() });
    // @ts-expect-error a class is not a store
    forRoot({ store: MemorySessionStore });
    // @ts-expect-error a typing mistake
    forRoot({ type: 'memory', idleTimout: '1h' });
  });

  it('has durations as numbers or text, and a cookie with known attributes', () => {
    const options: SessionModuleOptions = {
      type: 'memory',
      load: 'lazy',
      idleTimeout: '30m',
      absoluteTimeout: 3_600_000,
      touchInterval: '10s',
      onStoreError: 'anonymous',
      storeTimeout: 500,
      failFast: true,
      saveOnServerError: true,
      maxSize: 1_024,
      exclude: ['/assets/*', /^\/health/],
      cookie: {
        name: 'sid',
        sameSite: 'strict',
        secure: 'auto',
        partitioned: true,
        priority: 'high',
        maxAge: '30d',
      },
    };
    expectTypeOf(options.idleTimeout).toEqualTypeOf<string | number | undefined>();
    // @ts-expect-error no such attribute value
    forRoot({ type: 'memory', cookie: { sameSite: 'always' } });
    // @ts-expect-error when it is loaded
    forRoot({ type: 'memory', load: 'sometimes' });
  });
});

describe('forRootAsync()', () => {
  @Injectable()
  class Settings implements SessionOptionsFactory {
    createSessionOptions() {
      return { type: 'memory', idleTimeout: '20m' } as const;
    }
  }

  it('takes a factory with typed parameters, a class, or a token', () => {
    forRootAsync({ useFactory: () => 'memory' });
    forRootAsync({ inject: [Settings], useFactory: (settings: Settings) => settings.createSessionOptions() });
    forRootAsync({ useFactory: async () => ({ type: 'filesystem', directory: './x' }) });
    forRootAsync({ useClass: Settings });
    forRootAsync({ imports: [], useExisting: Settings });
    forRootAsync({ useExisting: Symbol('settings') });
    // @ts-expect-error not the options of sessions
    forRootAsync({ useFactory: () => ({ type: 'postgres' }) });
    // @ts-expect-error a class that makes no options
    forRootAsync({ useClass: MemorySessionStore });
  });
});

describe('what is injected', () => {
  it('is typed', () => {
    const sessions = {} as Sessions;
    expectTypeOf(sessions.get('id')).toEqualTypeOf<Promise<SessionInfo | undefined>>();
    expectTypeOf(sessions.listByUser('alice')).toEqualTypeOf<Promise<SessionInfo[]>>();
    expectTypeOf(sessions.revoke('id', { userId: 'alice' })).toEqualTypeOf<Promise<boolean>>();
    expectTypeOf(sessions.revokeByUser('alice', { except: undefined })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(sessions.prune()).toEqualTypeOf<Promise<number>>();
    expectTypeOf(MemorySessionStore).toBeConstructibleWith({ maxSessions: 5 });
    expectTypeOf<MemorySessionStore>().toExtend<SessionStore>();
  });

  it('events are told apart by their type', () => {
    type Of<Type> = Extract<SessionEvent, { type: Type }>;
    expectTypeOf<Of<'created'>['user']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Of<'rotated'>['previousId']>().toEqualTypeOf<string>();
    expectTypeOf<Of<'destroyed'>['reason']>().toEqualTypeOf<'logout' | 'revoked' | 'replaced'>();
    expectTypeOf<Of<'expired'>['reason']>().toEqualTypeOf<'idle' | 'absolute'>();
    expectTypeOf<Of<'store-failed'>['cause']>().toEqualTypeOf<unknown>();
    expectTypeOf<SessionEvent>().not.toHaveProperty('token');
  });
});
