import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import {
  Catch,
  HttpException,
  StreamableFile,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SessionStoreError, StoreRefusedError, type Session, type SessionEvent } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { MINUTE } from '../support/durations.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';
import {
  begin,
  facts,
  run,
  ScriptController,
  UNAVAILABLE,
  visitor,
  type ScriptHttp,
} from '../support/scripts.js';
import { faultyPlace, type FaultyPlace } from '../support/shared-backends.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Data {
  note?: string;
  other?: string;
}

/** Node's response. Fastify is told to leave it alone. */
function rawOf({ response, raw }: ScriptHttp): ServerResponse {
  (response as { hijack?: () => void }).hijack?.();
  return raw;
}

interface Style {
  readonly name: string;
  readonly answersItself: boolean;
  readonly status: number;
  readonly answer: (http: ScriptHttp) => unknown;
}

const styles: readonly Style[] = [
  { name: 'a returned object', answersItself: false, status: 200, answer: () => ({ done: true }) },
  { name: 'a returned text', answersItself: false, status: 200, answer: () => 'done' },
  { name: 'nothing returned', answersItself: false, status: 200, answer: () => undefined },
  {
    name: 'a StreamableFile',
    answersItself: false,
    status: 200,
    answer: () => new StreamableFile(Readable.from([Buffer.from('done')])),
  },
  {
    name: 'an exception of the client’s fault',
    answersItself: false,
    status: 422,
    answer: () => {
      throw new HttpException('no', 422);
    },
  },
  {
    name: '@Res() send',
    answersItself: true,
    status: 201,
    answer: ({ response }) => void response.status(201).send({ done: true }),
  },
  {
    name: '@Res() redirect',
    answersItself: true,
    status: 302,
    answer: ({ response }) => void response.status(302).redirect('/untouched'),
  },
  {
    name: 'raw end',
    answersItself: true,
    status: 200,
    answer: http => void rawOf(http).end('done'),
  },
  {
    name: 'raw writeHead, write, end',
    answersItself: true,
    status: 202,
    answer: http => {
      const raw = rawOf(http);
      raw.writeHead(202, { 'content-type': 'text/plain' });
      raw.write('do');
      raw.end('ne');
    },
  },
  {
    name: 'flushHeaders, then end',
    answersItself: true,
    status: 200,
    answer: http => {
      const raw = rawOf(http);
      raw.flushHeaders();
      raw.end('done');
    },
  },
  {
    name: 'a stream piped into it',
    answersItself: true,
    status: 200,
    answer: http => void Readable.from(['do', 'ne']).pipe(rawOf(http)),
  },
];

/** All that has run by now has run: what a request could still do in this process, it has done. */
async function untilQuiet(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve));
}

describeCells('saved before answered', backends, ({ platform, backend }) => {
  let place: FaultyPlace;
  let store: FaultyStore;
  let app: RunningApp;
  beforeAll(async () => {
    place = await faultyPlace(backend);
    ({ store } = place);
    app = await startApp({
      platform,
      backend: place.options,
      controllers: [ScriptController],
      session: { storeTimeout: 5_000 },
    });
  });
  afterEach(() => {
    store.restore();
    app.events.length = 0;
  });
  afterAll(async () => {
    await app.close();
    await place.dispose();
  });

  const failures = (): SessionEvent[] => app.events.filter(({ type }) => type === 'store-failed');

  describe.each(styles)('$name', ({ answersItself, status, answer }) => {
    it.each([
      { what: 'a change', verb: 'update' as const, browserOf: () => visitor(app, { note: 'before' }) },
      { what: 'a first value', verb: 'create' as const, browserOf: async () => app.browser() },
    ])('sends no byte before the store has said yes to $what', async ({ verb, browserOf }) => {
      const browser = await browserOf();
      const hold = store.hold(verb);
      let socket!: Socket;
      let sentBefore = 0;
      const answering = run<Data>(
        browser,
        (session, http) => {
          session.note = 'after';
          ({ socket } = http.rawRequest);
          sentBefore = socket.bytesWritten;
          return answer(http);
        },
        { answersItself },
      );
      await hold.reached;
      await untilQuiet();
      expect(socket.bytesWritten).toBe(sentBefore);
      hold.release();
      const { status: sent, setCookies } = await answering;
      expect(sent).toBe(status);
      expect(setCookies).toHaveLength(verb === 'create' ? 1 : 0);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: null, data: { note: 'after' } });
    });

    it('answers 503 when the store says no, with Retry-After and nothing of the answer', async () => {
      const browser = await visitor(app, { note: 'before' });
      store.fail('update');
      const failed = await run<Data>(
        browser,
        (session, http) => {
          session.note = 'after';
          http.response.header('x-of-the-handler', 'yes');
          return answer(http);
        },
        { answersItself },
      );
      store.restore();
      expect(failed.status).toBe(503);
      expect(failed.json()).toEqual(UNAVAILABLE);
      expect(failed.headers.get('retry-after')).toBe('1');
      expect(failed.headers.get('location')).toBeNull();
      expect(failed.setCookies).toEqual([]);
      expect(failures()).toMatchObject([{ operation: 'update', code: 'SESSION_STORE_UNAVAILABLE' }]);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: null, data: { note: 'before' } });
    });

    it('sets no cookie for a session that could not be created', async () => {
      const browser = app.browser();
      store.fail('create');
      const failed = await run<Data>(
        browser,
        (session, http) => {
          session.note = 'new';
          return answer(http);
        },
        { answersItself },
      );
      expect(failed.status).toBe(503);
      expect(failed.setCookies).toEqual([]);
    });
  });

  it('a redirect that is followed at once finds the new state, time after time', async () => {
    const browser = app.browser();
    for (let i = 0; i < 20; i++) {
      const hold = store.hold(i === 0 ? 'create' : 'update', { at: 'after' });
      const redirect = run<Data>(
        browser,
        (session, { response }) => {
          session.note = String(i);
          void response.status(302).redirect('/untouched');
        },
        { answersItself: true },
      );
      await hold.reached;
      hold.release();
      expect((await redirect).status).toBe(302);
      expect((await run<Data>(browser, session => session.note)).text).toBe(String(i));
    }
  });

  it('the commit completes although the client has gone', async () => {
    const browser = await visitor(app, { note: 'before' });
    const client = new AbortController();
    const hold = store.hold('update');
    const answering = run<Data>(browser, session => void (session.note = 'after'), { signal: client.signal });
    await hold.reached;
    client.abort();
    await expect(answering).rejects.toThrow(/abort/i);
    hold.release();
    await untilQuiet();
    expect((await run<Data>(browser, session => session.note)).text).toBe('after');
  });

  it('a store that refuses is told apart, and answers with the same 503', async () => {
    const browser = await visitor(app, { note: 'before' });
    store.fail('update', { error: new StoreRefusedError('READONLY') });
    const failed = await run<Data>(browser, session => void (session.note = 'after'));
    expect(failed.status).toBe(503);
    expect(failed.json()).toEqual(UNAVAILABLE);
    expect(failures()).toMatchObject([{ operation: 'update', code: 'SESSION_STORE_REFUSED' }]);
  });

  it('a write whose reply was lost is unknown: 503, and it may have been applied', async () => {
    const browser = await visitor(app, { note: 'before' });
    store.loseReply('update', { times: 1 });
    store.takeVerbs();
    const failed = await run<Data>(browser, session => void (session.note = 'after'));
    expect(failed.status).toBe(503);
    expect(store.takeVerbs().filter(verb => verb === 'update')).toEqual(['update']); // never sent again
    expect((await run<Data>(browser, session => session.note)).text).toBe('after');
  });

  it('an update() whose reply was lost is unknown: 503, and it is counted once at most', async () => {
    const browser = await visitor(app, { note: 'before' });
    await run<{ list?: number[] }>(browser, session => session.update('list', () => [0]));
    store.loseReply('update', { times: 1 });
    store.takeVerbs();
    const failed = await run<{ list?: number[] }>(browser, session =>
      session.update('list', (list = []) => [...list, list.length]),
    );
    expect(failed.status).toBe(503);
    expect(store.takeVerbs().filter(verb => verb === 'update')).toEqual(['update']); // never sent again
    expect((await run<{ list?: number[] }>(browser, session => session.list)).json()).toEqual([0, 1]);
  });

  describe('what an explicit operation owes goes out with the 503', () => {
    it('the cookie of a login that stood', async () => {
      const browser = await visitor(app, { note: 'before' });
      const failed = await run<Data>(browser, async session => {
        await session.login('alice');
        store.fail('update');
        session.note = 'after';
      });
      store.restore();
      expect(failed.status).toBe(503);
      expect(failed.setCookies).toHaveLength(1);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: 'alice', data: { note: 'before' } });
    });

    it('the cookie of a save() that stood, although the head is replaced at header time', async () => {
      const browser = app.browser();
      const failed = await run<Data>(
        browser,
        async (session, { response }) => {
          session.note = 'saved';
          await session.save();
          store.fail('update');
          session.other = 'not saved';
          response.send('done');
        },
        { answersItself: true },
      );
      store.restore();
      expect(failed.status).toBe(503);
      expect(failed.setCookies).toHaveLength(1);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: null, data: { note: 'saved' } });
    });

    it('the clearing of a destroy() that stood', async () => {
      const browser = await visitor(app, { note: 'before' }, 'alice');
      const before = browser.copy();
      const failed = await run<Data>(browser, async session => {
        await session.destroy();
        store.fail('create');
        session.flash('info', 'bye');
      });
      store.restore();
      expect(failed.status).toBe(503);
      expect(failed.setCookies).toEqual([expect.stringMatching(/^sid=;.*Max-Age=0/)]);
      expect((await run<Data>(before, facts)).json()).toEqual({ user: null, data: {} });
    });

    it('the cookie of a login, when the handler fails afterwards', async () => {
      const browser = await visitor(app, { note: 'before' });
      const failed = await run<Data>(browser, async session => {
        await session.login('alice');
        session.note = 'never saved';
        throw new Error('the handler broke');
      });
      expect(failed.status).toBe(500);
      expect(failed.setCookies).toHaveLength(1);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: 'alice', data: { note: 'before' } });
    });
  });

  describe('a request that fails', () => {
    it.each<{ what: string; answer: (http: ScriptHttp) => unknown; answersItself: boolean }>([
      {
        what: 'its handler throws',
        answersItself: false,
        answer: () => {
          throw new Error('broke');
        },
      },
      {
        what: 'it answers 502 itself',
        answersItself: true,
        answer: ({ response }) => response.status(502).send(),
      },
    ])('leaves the session as it was: $what', async ({ answer, answersItself }) => {
      const browser = await visitor(app, { note: 'before' });
      store.takeVerbs();
      const failed = await run<Data>(
        browser,
        (session, http) => {
          session.note = 'after';
          return answer(http);
        },
        { answersItself },
      );
      expect(failed.status).toBeGreaterThanOrEqual(500);
      expect(store.takeVerbs()).toEqual(['load']);
      expect((await run<Data>(browser, session => session.note)).text).toBe('before');
    });

    it.each<{ what: string; work: (session: Session<Data>) => Promise<unknown>; data: Data }>([
      { what: 'save()', work: session => session.save(), data: { note: 'assigned' } },
      {
        what: 'update()',
        work: session => session.update('other', () => 'x'),
        data: { note: 'before', other: 'x' },
      },
      { what: 'take()', work: session => session.take('note'), data: {} },
    ])('keeps what $what did', async ({ work, data }) => {
      const browser = await visitor(app, { note: 'before' });
      await run<Data>(browser, async session => {
        session.note = 'assigned';
        await work(session);
        throw new Error('broke');
      });
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: null, data });
    });
  });

  describe('a touch', () => {
    it('that fails is an event, and no failed request', async () => {
      const browser = await visitor(app, { note: 'x' });
      app.clock.advance(2 * MINUTE);
      store.fail('touch');
      const answer = await run<Data>(browser, session => session.note);
      expect(answer.status).toBe(200);
      expect(answer.text).toBe('x');
      expect(failures()).toMatchObject([{ operation: 'touch', code: 'SESSION_STORE_UNAVAILABLE' }]);
    });

    it('that fails when it was asked for is the caller’s to know', async () => {
      const browser = await visitor(app, { note: 'x' });
      store.fail('touch');
      const answer = await run<Data>(browser, session => session.touch());
      expect(answer.status).toBe(503);
    });
  });

  describe('a destroy() that fails', () => {
    it('answers 503, keeps the cookie and the session, and works when it is repeated', async () => {
      const browser = await visitor(app, { note: 'x' }, 'alice');
      store.fail('destroy');
      const failed = await run(browser, session => session.destroy());
      store.restore();
      expect(failed.status).toBe(503);
      expect(failed.json()).toEqual(UNAVAILABLE);
      expect(failed.headers.get('retry-after')).toBe('1');
      expect(failed.setCookies).toEqual([]);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: 'alice', data: { note: 'x' } });
      const again = await run(browser, session => session.destroy());
      expect(again.status).toBe(200);
      expect(again.setCookies).toEqual([expect.stringMatching(/^sid=;.*Max-Age=0/)]);
    });

    it('leaves the session usable in the same request, when the handler catches it', async () => {
      const browser = await visitor(app, { note: 'x' }, 'alice');
      const answer = await run<Data>(browser, async session => {
        store.fail('destroy', { times: 1 });
        const error = await session.destroy().catch((caught: unknown) => caught);
        session.other = 'still here';
        return { isTyped: error instanceof SessionStoreError, user: session.loggedInAs };
      });
      expect(answer.json()).toEqual({ isTyped: true, user: 'alice' });
      expect(answer.setCookies).toEqual([]);
      expect((await run<Data>(browser, facts)).json()).toMatchObject({ data: { other: 'still here' } });
    });

    it('that was done although its reply was lost leaves no one signed in, and is safe to repeat', async () => {
      const browser = await visitor(app, { note: 'x' }, 'alice');
      store.loseReply('destroy', { times: 1 });
      expect((await run(browser, session => session.destroy())).status).toBe(503);
      expect((await run<Data>(browser, facts)).json()).toEqual({ user: null, data: {} });
      const again = await run(browser, session => session.destroy());
      expect(again.status).toBe(200);
      expect(again.setCookies).toHaveLength(1);
    });
  });

  it('an operation that the handler did not wait for still decides what the answer says', async () => {
    const browser = await visitor(app, { note: 'x' });
    const hold = store.hold('create');
    const answering = run<Data>(browser, session => {
      void session.login('alice');
      return 'done';
    });
    await hold.reached;
    hold.release();
    const answer = await answering;
    expect(answer.text).toBe('done');
    expect(answer.setCookies).toHaveLength(1);
    expect((await run<Data>(browser, facts)).json()).toMatchObject({ user: 'alice' });
  });

  it('an assignment made while the commit runs is saved or reported', async () => {
    const browser = await visitor(app, { note: 'before' });
    const hold = store.hold('update');
    const paused = await begin<Data>(browser, async (session, { pause }) => {
      session.note = 'committed';
      setImmediate(() => void hold.reached.then(() => (session.other = 'too late')));
      await pause();
    });
    const answering = paused.finish();
    await hold.reached;
    await untilQuiet();
    hold.release();
    expect((await answering).status).toBe(200);
    const { data } = (await run<Data>(browser, facts)).json<{ data: Data }>();
    await untilQuiet();
    const isReported = app.events.some(event => event.type === 'rejected' && event.reason === 'late');
    expect({ note: data.note, isKeptOrReported: data.other === 'too late' || isReported }).toEqual({
      note: 'committed',
      isKeptOrReported: true,
    });
  });
});

@Catch(SessionStoreError)
class TeapotFilter implements ExceptionFilter<SessionStoreError> {
  catch(error: SessionStoreError, host: ArgumentsHost): void {
    const response = host
      .switchToHttp()
      .getResponse<{ status(code: number): { send(body: unknown): void } }>();
    response.status(418).send({ code: error.code });
  }
}

describe.each(platforms)('an exception filter of the application on $name', platform => {
  const store = new FaultyStore();
  let app: RunningApp;
  beforeAll(async () => {
    app = await startApp({
      platform,
      backend: { store },
      controllers: [ScriptController],
      configure: nest => void nest.useGlobalFilters(new TeapotFilter()),
    });
  });
  afterAll(() => app.close());

  it('sees the error of the save, has the last word, and the save is not tried again', async () => {
    const browser = app.browser();
    await run<Data>(browser, session => void (session.note = 'before'));
    store.takeVerbs();
    store.fail('update', { times: 1 });
    const answer = await run<Data>(browser, session => void (session.note = 'after'));
    expect(answer.status).toBe(418);
    expect(answer.json()).toEqual({ code: 'SESSION_STORE_UNAVAILABLE' });
    expect(store.takeVerbs()).toEqual(['load', 'update']);
    expect((await run<Data>(browser, session => session.note)).text).toBe('before');
  });
});

describe.each(platforms)('saveOnServerError on $name', platform => {
  it('saves what a failed request left in the session', async () => {
    const app = await startApp({
      platform,
      backend: { store: new FaultyStore() },
      controllers: [ScriptController],
      session: { saveOnServerError: true },
    });
    try {
      const browser = app.browser();
      const failed = await run<Data>(browser, session => {
        session.note = 'kept';
        throw new Error('broke');
      });
      expect(failed.status).toBe(500);
      expect(failed.setCookies).toHaveLength(1);
      expect((await run<Data>(browser, session => session.note)).text).toBe('kept');
    } finally {
      await app.close();
    }
  });
});
