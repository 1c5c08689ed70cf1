import { Controller, Get, Sse, type MessageEvent } from '@nestjs/common';
import { Readable } from 'node:stream';
import { Observable, of } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session, SessionClosedError } from '../../lib/index.js';
import { Deferred } from '../support/deferred.js';
import { platforms } from '../support/platforms.js';
import { answering, me, NO_SESSION, returning, startScriptedApp } from '../support/scripts.js';
import type { RunningApp } from '../support/start-app.js';

type Anything = Session<Record<string, unknown>>;

/** What the events of a stream do: the test puts it here. */
let events: (session: Anything) => AsyncGenerator<string> | Observable<MessageEvent>;
let before: (session: Anything) => void | Promise<void>;

@Controller('events')
class EventsController {
  @Sse('observable')
  observable(@Session() session: Anything): Observable<MessageEvent> {
    void before(session);
    return events(session) as Observable<MessageEvent>;
  }

  @Sse('promise')
  async promise(@Session() session: Anything): Promise<Observable<MessageEvent>> {
    await before(session);
    return events(session) as Observable<MessageEvent>;
  }

  @Get('plain')
  plain() {
    return {};
  }
}

/** Events made by code that waits in between. */
function eventsOf(make: () => AsyncGenerator<string>): Observable<MessageEvent> {
  return new Observable(subscriber => {
    const run = async () => {
      for await (const data of make()) subscriber.next({ data });
    };
    run().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
  });
}

const codeOf = async (operation: Promise<unknown>): Promise<string> =>
  operation.then(
    () => 'resolved',
    (error: unknown) =>
      error instanceof SessionClosedError ? `${error.getStatus()} ${error.code}` : String(error),
  );

describe.each(platforms)('server-sent events on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startScriptedApp(platform, { controllers: [EventsController] });
  });
  afterAll(() => running.close());

  it.each(['observable', 'promise'])(
    'a change before the first event is saved, and the cookie goes with the head (%s)',
    async style => {
      before = session => void (session.mark = 'before');
      events = () => of({ data: 'one' }, { data: 'two' });
      const browser = running.browser();
      const answer = await browser.get(`/events/${style}`);
      expect(answer.headers.get('content-type')).toBe('text/event-stream');
      expect(answer.text).toContain('data: one');
      expect(answer.text).toContain('data: two');
      expect(answer.setCookies).toHaveLength(1);
      expect(await me(browser)).toEqual({ user: null, data: { mark: 'before' } });
    },
  );

  it('a change that the first event makes is in time', async () => {
    before = () => undefined;
    events = session =>
      eventsOf(async function* () {
        session.mark = 'first';
        yield 'one';
      });
    const browser = running.browser();
    expect((await browser.get('/events/observable')).setCookies).toHaveLength(1);
    expect((await me(browser)).data).toEqual({ mark: 'first' });
  });

  it('events arrive as they are made, while the stream goes on', async () => {
    const goOn = new Deferred();
    before = session => void (session.mark = 'before');
    events = () =>
      eventsOf(async function* () {
        yield 'one';
        await goOn.promise;
        yield 'two';
      });
    const response = await fetch(`${running.url}/events/observable`);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('one')) text += (await reader.read()).value;
    expect(text).not.toContain('two');
    goOn.resolve();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toContain('two');
  });

  it('a first record during the events is refused with a typed error', async () => {
    const codes: string[] = [];
    before = () => undefined;
    events = session =>
      eventsOf(async function* () {
        yield 'one';
        session.mark = 'late';
        codes.push(await codeOf(session.save()));
        codes.push(await codeOf(session.update('count', () => 1)));
        codes.push(await codeOf(session.login('alice')));
        session.delete('mark');
        yield 'two';
      });
    const browser = running.browser();
    const answer = await browser.get('/events/observable');
    expect(answer.text).toContain('data: two');
    expect(codes).toEqual(['409 SESSION_HEAD_SENT', '409 SESSION_HEAD_SENT', '409 SESSION_HEAD_SENT']);
    expect(answer.setCookies).toEqual([]);
    expect(await me(browser)).toEqual(NO_SESSION);
  });

  it('an existing session: save(), update(), take() and destroy() work during the events', async () => {
    const codes: string[] = [];
    const seen: unknown[] = [];
    const browser = running.browser();
    await browser.get(returning(session => void Object.assign(session, { token: 't', count: 1 })));
    before = () => undefined;
    events = session =>
      eventsOf(async function* () {
        yield 'one';
        session.mark = 'late';
        codes.push(await codeOf(session.save()));
        codes.push(await codeOf(session.update('count', count => Number(count) + 1)));
        seen.push(await session.take('token'));
        codes.push(await codeOf(session.login('alice')));
        codes.push(await codeOf(session.regenerate({ keep: true })));
        seen.push((await me(browser)).data);
        codes.push(await codeOf(session.destroy()));
        seen.push(await me(browser));
        yield 'two';
      });
    const answer = await browser.get('/events/observable');
    expect(answer.text).toContain('data: two');
    expect(codes).toEqual([
      'resolved',
      'resolved',
      '409 SESSION_HEAD_SENT',
      '409 SESSION_HEAD_SENT',
      'resolved',
    ]);
    expect(seen).toEqual(['t', { mark: 'late', count: 2 }, NO_SESSION]);
    expect(answer.setCookies).toEqual([]);
  });
});

/** Ways to change the session after the head has left. */
const lateChanges = [
  {
    title: 'the first touch of the session is the late assignment',
    early: () => undefined,
    late: (session: Anything) => void (session.mark = 'late'),
  },
  {
    title: 'looked at before, assigned late',
    early: (session: Anything) => session.mark,
    late: (session: Anything) => void (session.mark = 'late'),
  },
  {
    title: 'an edit inside a value that was read before',
    early: (session: Anything) => session.list,
    late: (session: Anything) => (session.list as number[]).push(4),
  },
  {
    title: 'a flash message',
    early: () => undefined,
    late: (session: Anything) => session.flash('info', 'late'),
  },
];

describe.each(platforms)('a change after the head has left, on $name', platform => {
  for (const { title, early, late } of lateChanges) {
    it(`${title}: not saved, one event, one warning`, async () => {
      const running = await startScriptedApp(platform);
      try {
        const closed = new Deferred();
        const browser = running.browser();
        await browser.get(returning(session => void (session.list = [1, 2, 3])));
        const path = answering(async (session, { raw }) => {
          raw.once('close', () => setImmediate(() => setImmediate(() => closed.resolve())));
          early(session);
          raw.writeHead(200);
          raw.write('begun');
          await new Promise(setImmediate);
          late(session);
          raw.end();
        });
        for (let i = 0; i < 2; i++) expect((await browser.get(path)).status).toBe(200);
        await closed.promise;
        const lateOnes = () => running.events.filter(event => event.type === 'rejected');
        await expect.poll(lateOnes).toHaveLength(2);
        expect(lateOnes()[0]).toMatchObject({ type: 'rejected', reason: 'late' });
        expect(
          running.logs.filter(line => line.startsWith('warn') && line.includes('never saved')),
        ).toHaveLength(1);
        expect((await me(browser)).data).toEqual({ list: [1, 2, 3] });
      } finally {
        await running.close();
      }
    });
  }

  it('a change made between end() and the head is late too, not lost without a word', async () => {
    const running = await startScriptedApp(platform);
    try {
      const browser = running.browser();
      await browser.get(
        answering((session, { raw }) => {
          session.mark = 'in time';
          raw.end('ended');
          session.mark = 'late';
        }),
      );
      expect((await me(browser)).data).toEqual({ mark: 'in time' });
      await expect.poll(() => running.events).toContainEqual(expect.objectContaining({ reason: 'late' }));
    } finally {
      await running.close();
    }
  });

  it('a late change that is saved gives no event and no warning', async () => {
    const running = await startScriptedApp(platform);
    try {
      const closed = new Deferred();
      const browser = running.browser();
      await browser.get(returning(session => void (session.mark = 'first')));
      await browser.get(
        answering(async (session, { raw }) => {
          raw.once('close', () => setImmediate(() => setImmediate(() => closed.resolve())));
          raw.write('begun');
          await new Promise(setImmediate);
          session.mark = 'late';
          await session.save();
          raw.end();
        }),
      );
      await closed.promise;
      expect((await me(browser)).data).toEqual({ mark: 'late' });
      expect(running.events.filter(event => event.type === 'rejected')).toEqual([]);
      expect(running.logs.filter(line => line.startsWith('warn'))).toEqual([]);
    } finally {
      await running.close();
    }
  });

  it('long polling: a change made while the client waited is saved before the answer', async () => {
    const running = await startScriptedApp(platform);
    try {
      const news = new Deferred();
      const waiting = new Deferred();
      const browser = running.browser();
      const answer = browser.get(
        returning(async session => {
          session.before = 1;
          waiting.resolve();
          await news.promise;
          session.after = 2;
          return 'news';
        }),
      );
      await waiting.promise;
      news.resolve();
      expect((await answer).setCookies).toHaveLength(1);
      expect((await me(browser)).data).toEqual({ before: 1, after: 2 });
    } finally {
      await running.close();
    }
  });

  it('a stream that reads the session for each chunk works, and changes nothing', async () => {
    const running = await startScriptedApp(platform);
    try {
      const browser = running.browser();
      await browser.get(returning(session => void (session.list = ['a', 'b', 'c'])));
      const answer = await browser.get(
        answering((session, { raw }) => {
          let at = 0;
          const stream = new Readable({
            read() {
              this.push((session.list as string[])[at++] ?? null);
            },
          });
          stream.pipe(raw);
        }),
      );
      expect(answer.text).toBe('abc');
      expect(answer.headers.get('vary')).toBe('Cookie');
    } finally {
      await running.close();
    }
  });
});
