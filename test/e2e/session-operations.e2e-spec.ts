import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SessionClosedError, type SessionRecord } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { HOUR, MINUTE } from '../support/durations.js';
import { observe, ScriptController, visitor, type Script, type Untyped } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

describeCells('operations of a session', backends, ({ platform, backend }) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend, controllers: [ScriptController] });
  });
  afterAll(() => running.close());

  describe('facts', () => {
    it('are absent until the session is stored, and Dates from then on, in the same request too', async () => {
      const browser = running.browser();
      const { value } = await observe(browser, async session => {
        const facts = () => ({
          id: session.id,
          isNew: session.isNew,
          createdAt: session.createdAt,
          lastSeenAt: session.lastSeenAt,
          expiresAt: session.expiresAt,
          loggedInAs: session.loggedInAs,
          loggedInAt: session.loggedInAt,
        });
        const before = facts();
        session.x = 1;
        const unsaved = facts();
        await session.save();
        return { before, unsaved, after: facts() };
      });
      const nothing = { id: undefined, createdAt: undefined, lastSeenAt: undefined, expiresAt: undefined };
      const nobody = { isNew: true, loggedInAs: undefined, loggedInAt: undefined };
      expect(value.before).toEqual({ ...nothing, ...nobody });
      expect(value.unsaved).toEqual({ ...nothing, ...nobody });
      const { id, createdAt, lastSeenAt, expiresAt } = value.after;
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      expect(createdAt).toBeInstanceOf(Date);
      expect(lastSeenAt!.getTime() - createdAt!.getTime()).toBeLessThan(MINUTE);
      expect(expiresAt!.getTime() - lastSeenAt!.getTime()).toBe(HOUR);
      expect(value.after).toMatchObject(nobody);
      expect([...browser.cookies.values()]).not.toContain(id);
    });

    it('name the user who is signed in and since when; a login restarts the absolute limit', async () => {
      const browser = await visitor(running, { x: 1 });
      const first = await observe(browser, session => session.createdAt!);
      running.clock.advance(10 * MINUTE);
      const signedIn = await observe(browser, async session => {
        await session.login('alice');
        return [session.loggedInAs, session.loggedInAt!, session.createdAt!] as const;
      });
      const [user, since, createdAt] = signedIn.value;
      expect(user).toBe('alice');
      expect(createdAt).toEqual(first.value);
      expect(since.getTime() - createdAt.getTime()).toBeGreaterThanOrEqual(10 * MINUTE);
      const later = await observe(browser, session => ({
        user: session.loggedInAs,
        since: session.loggedInAt,
        isNew: session.isNew,
      }));
      expect(later.value).toEqual({ user: 'alice', since, isNew: false });
    });

    it('expiresAt is the earlier limit', async () => {
      const browser = await visitor(running, { x: 1 });
      const { value: createdAt } = await observe(browser, session => session.createdAt!);
      for (let passed = 0; passed < 23.5 * HOUR; passed += 0.5 * HOUR) {
        running.clock.advance(0.5 * HOUR);
        await observe(browser, session => session.x as unknown);
      }
      const { value } = await observe(browser, session => session.expiresAt!);
      expect(value.getTime()).toBe(createdAt.getTime() + 24 * HOUR);
    });

    it('reading the times does not count as activity', async () => {
      const browser = await visitor(running, { x: 1 });
      const { value: id } = await observe(browser, session => session.id!);
      const before = await running.store.load(id);
      running.clock.advance(10 * MINUTE);
      await observe(browser, session => [session.lastSeenAt, session.expiresAt, session.createdAt]);
      expect(await running.store.load(id)).toEqual(before);
      await observe(browser, session => session.loggedInAs);
      expect(((await running.store.load(id)) as SessionRecord).lastSeenAt).toBeGreaterThan(
        (before as SessionRecord).lastSeenAt,
      );
    });
  });

  describe('login()', () => {
    it('gives a new id and carries the data over, or the keys of keep, or nothing', async () => {
      const keeps = [undefined, { keep: true }, { keep: ['a'] }, { keep: [] }, { keep: false }] as const;
      const left: string[][] = [];
      for (const keep of keeps) {
        const browser = await visitor(running, { a: 1, b: 2 });
        const before = browser.cookie;
        const { error } = await observe(browser, session => session.login('alice', keep));
        expect(error).toBeUndefined();
        expect(browser.cookie).not.toBe(before);
        left.push((await observe(browser, session => Object.keys(session))).value);
      }
      expect(left).toEqual([['a', 'b'], ['a', 'b'], ['a'], [], []]);
    });

    it('of a different user starts from an empty session, even with keep', async () => {
      const browser = await visitor(running, { a: 1 });
      await observe(browser, session => session.login('alice'));
      const { value } = await observe(browser, async session => {
        session.flash('info', 'for alice');
        await session.login('bob', { keep: true });
        return [session.loggedInAs, Object.keys(session)];
      });
      expect(value).toEqual(['bob', []]);
      const after = await observe(browser, async session => [session.loggedInAs, await session.flashes()]);
      expect(after.value).toEqual(['bob', []]);
    });

    it.each([[''], [7], [undefined], [null], [{ id: 1 }]])(
      'refuses the user %j and changes nothing',
      async user => {
        const browser = await visitor(running, { x: 1 });
        const before = browser.cookie;
        const { error } = await observe(browser, session => session.login(user as string));
        expect(error).toBeInstanceOf(TypeError);
        expect((error as Error).message).toContain('String(user.id)');
        expect(browser.cookie).toBe(before);
      },
    );

    it.each([
      ['1 024 bytes', 'x'.repeat(1_024), false],
      ['1 025 bytes', 'x'.repeat(1_025), true],
      ['1 025 bytes in 513 characters', 'é'.repeat(512) + 'x', true],
      ['a megabyte', 'x'.repeat(1e6), true],
    ])('a user id of %s is refused if it is too long', async (_, user, isRefused) => {
      const browser = await visitor(running, { x: 1 });
      const { error } = await observe(browser, session => session.login(user));
      if (isRefused) expect((error as Error).message).toContain('longer than 1024 bytes');
      else expect(error).toBeUndefined();
    });

    it('creates a session for a visitor without one, with what was assigned before and after', async () => {
      const browser = running.browser();
      await observe(browser, async session => {
        session.before = 1;
        await session.login('alice');
        session.after = 2;
      });
      const { value } = await observe(browser, session => [session.loggedInAs, { ...session }]);
      expect(value).toEqual(['alice', { before: 1, after: 2 }]);
    });
  });

  describe('regenerate()', () => {
    it('gives a new id; empty and unbound unless keep', async () => {
      const outcomes: unknown[] = [];
      for (const keep of [undefined, { keep: true }, { keep: ['a'] }, { keep: [] }] as const) {
        const browser = await visitor(running, { a: 1, b: 2 });
        await observe(browser, session => session.login('alice'));
        const old = browser.copy();
        const { value } = await observe(browser, async session => {
          const { id } = session;
          await session.regenerate(keep);
          return session.id !== id;
        });
        const after = await observe(browser, session => [session.loggedInAs, Object.keys(session)]);
        const dead = await observe(old, session => session.isNew);
        outcomes.push([value, ...(after.value as unknown[]), dead.value]);
      }
      expect(outcomes).toEqual([
        [true, undefined, [], true],
        [true, 'alice', ['a', 'b'], true],
        [true, 'alice', ['a'], true],
        [true, 'alice', [], true],
      ]);
    });

    it('keeps the creation time and the limits with keep, and starts new ones without', async () => {
      const browser = await visitor(running, { x: 1 });
      const { value: createdAt } = await observe(browser, session => session.createdAt!);
      running.clock.advance(5 * MINUTE);
      await observe(browser, session => session.regenerate({ keep: true }));
      expect((await observe(browser, session => session.createdAt)).value).toEqual(createdAt);
      await observe(browser, session => session.regenerate());
      const { value } = await observe(browser, session => session.createdAt!);
      expect(value.getTime()).toBeGreaterThan(createdAt.getTime());
    });

    it('of a visitor creates nothing, and keeps what was assigned only with keep', async () => {
      const since = running.events.length;
      const { answer } = await observe(running.browser(), session => session.regenerate());
      expect(answer.setCookies).toEqual([]);
      expect(running.events.slice(since)).toEqual([]);
      const browser = running.browser();
      await observe(browser, async session => {
        Object.assign(session, { a: 1, b: 2 });
        session.flash('info', 'hi');
        await session.regenerate({ keep: ['a'] });
        session.c = 3;
      });
      const { value } = await observe(browser, async session => [
        { ...session },
        await session.flashes('info'),
      ]);
      expect(value).toEqual([{ a: 1, c: 3 }, []]);
      const kept = running.browser();
      await observe(kept, async session => {
        session.a = 1;
        session.flash('info', 'hi');
        await session.regenerate({ keep: true });
      });
      const later = await observe(kept, async session => [{ ...session }, await session.flashes('info')]);
      expect(later.value).toEqual([{ a: 1 }, ['hi']]);
    });

    it('with a callback puts a new object in place, and leaves the old one readable and closed to writing', async () => {
      const browser = await visitor(running, { cart: ['tea'] });
      const { value, error } = await observe(browser, async (session, { request }) => {
        const oldId = session.id;
        const isPending = await new Promise<boolean>((resolve, reject) => {
          const returned: unknown = session.regenerate(thrown =>
            thrown instanceof Error ? reject(thrown) : resolve(true),
          );
          expect(returned).toBeUndefined();
        });
        const refused = [
          () => void (session.x = 1),
          () => session.set('x', 1),
          () => void delete session.cart,
          () => session.clear(),
          () => session.flash('info', 'x'),
        ].map(write => {
          try {
            write();
            return 'accepted';
          } catch (thrown) {
            return thrown instanceof SessionClosedError && thrown.code;
          }
        });
        const rejected = await Promise.all(
          [
            session.save(),
            session.touch(),
            session.destroy(),
            session.login('alice'),
            session.regenerate(),
            session.reload(),
            session.update('x', () => 1),
            session.take('cart'),
            session.flashes(),
          ].map(done => done.then(String, (thrown: unknown) => (thrown as SessionClosedError).code)),
        );
        const current = request.session;
        current.fresh = true;
        return {
          isPending,
          isNewObject: current !== session,
          old: { id: session.id === oldId, data: { ...session }, cart: session.cart as unknown },
          fresh: { isOtherId: current.id !== oldId, data: { ...current } },
          refused,
          rejected,
        };
      });
      expect(error).toBeUndefined();
      expect(value).toEqual({
        isPending: true,
        isNewObject: true,
        old: { id: true, data: { cart: ['tea'] }, cart: ['tea'] },
        fresh: { isOtherId: true, data: { fresh: true } },
        refused: Array(5).fill('SESSION_REPLACED'),
        rejected: Array(9).fill('SESSION_REPLACED'),
      });
      expect((await observe(browser, session => ({ ...session }))).value).toEqual({ fresh: true });
    });

    it('with a callback and keep carries data and flash messages over, for visitors too', async () => {
      for (const browser of [await visitor(running, { old: 1 }), running.browser()]) {
        const { error } = await observe(browser, async (session, { request }) => {
          session.a = [1];
          session.flash('info', 'hi');
          await new Promise<void>((resolve, reject) => {
            session.regenerate({ keep: true }, thrown =>
              thrown instanceof Error ? reject(thrown) : resolve(),
            );
          });
          request.session.b = 2;
        });
        expect(error).toBeUndefined();
        const { value } = await observe(browser, async session => [
          session.a as unknown,
          session.b as unknown,
          await session.flashes('info'),
        ]);
        expect(value).toEqual([[1], 2, ['hi']]);
      }
    });

    it('the promise form keeps the session object, and values that were read from it stay the same objects', async () => {
      const browser = await visitor(running, { cart: ['tea'], gone: 1 });
      const { value } = await observe(browser, async (session, { request }) => {
        const cart = session.cart as string[];
        await session.regenerate({ keep: ['cart'] });
        cart.push('milk');
        return [request.session === session, session.cart === cart];
      });
      expect(value).toEqual([true, true]);
      expect((await observe(browser, session => ({ ...session }))).value).toEqual({ cart: ['tea', 'milk'] });
    });
  });

  describe('destroy()', () => {
    it('deletes the record, clears the cookie, and leaves the handler an empty session', async () => {
      const browser = await visitor(running, { x: 1 });
      const copy = browser.copy();
      const { value, answer } = await observe(browser, async session => {
        const id = session.id!;
        await session.destroy();
        const stored = await running.store.load(id);
        return { stored, id: session.id, isNew: session.isNew, data: { ...session } };
      });
      expect(value).toEqual({ stored: undefined, id: undefined, isNew: true, data: {} });
      expect(answer.setCookies).toHaveLength(1);
      expect(browser.cookies.size).toBe(0);
      expect((await observe(copy, session => session.isNew)).value).toBe(true);
    });

    it('then writing starts a fresh session: a new id and exactly one Set-Cookie', async () => {
      const browser = await visitor(running, { x: 1 });
      await observe(browser, session => session.login('alice'));
      const before = browser.cookie;
      const { answer, error } = await observe(browser, async session => {
        await session.destroy();
        session.flash('info', 'Goodbye');
      });
      expect(error).toBeUndefined();
      expect(answer.setCookies).toHaveLength(1);
      expect(browser.cookie).not.toBe(before);
      const { value } = await observe(browser, async session => [
        session.loggedInAs,
        { ...session },
        await session.flashes('info'),
      ]);
      expect(value).toEqual([undefined, {}, ['Goodbye']]);
    });

    it('twice is fine, and of a visitor says nothing about cookies', async () => {
      const browser = await visitor(running, { x: 1 });
      const twice = await observe(browser, async session => {
        await session.destroy();
        await session.destroy();
      });
      expect(twice.error).toBeUndefined();
      expect(twice.answer.setCookies).toHaveLength(1);
      const { answer } = await observe(running.browser(), session => session.destroy());
      expect(answer.setCookies).toEqual([]);
    });
  });

  describe('Node callbacks', () => {
    it('are called without an error, after the work is done, and the method returns undefined', async () => {
      const browser = await visitor(running, { x: 1 });
      const { value, error } = await observe(browser, async session => {
        const returned: unknown[] = [];
        const called: unknown[][] = [];
        const back =
          (resolve: () => void) =>
          (...args: unknown[]) => {
            called.push(args);
            resolve();
          };
        session.x = 2;
        await new Promise<void>(resolve => void returned.push(session.save(back(resolve))));
        const stored = ((await running.store.load(session.id!)) as SessionRecord).data['d:x'];
        await new Promise<void>(resolve => void returned.push(session.reload(back(resolve))));
        await new Promise<void>(resolve => void returned.push(session.destroy(back(resolve))));
        return { returned, called, stored, data: { ...session } };
      });
      expect(error).toBeUndefined();
      expect(value).toEqual({
        returned: [undefined, undefined, undefined],
        called: [[], [], []],
        stored: '2',
        data: {},
      });
    });

    it('get the error, and an exception of theirs is not taken for one of the session’s', async () => {
      const browser = await visitor(running, { x: 1 });
      const { value } = await observe(browser, async session => {
        await running.sessions.revoke(session.id!);
        session.y = 1;
        const saved = await new Promise<unknown>(resolve => session.save(resolve));
        const reloaded = await new Promise<unknown>(resolve => session.reload(resolve));
        const kept = await new Promise<unknown>(resolve => session.regenerate({ keep: true }, resolve));
        const destroyed = await new Promise<unknown>(resolve => session.destroy(resolve));
        return [saved, reloaded, kept, destroyed].map(
          thrown => (thrown as SessionClosedError | undefined)?.code,
        );
      });
      expect(value).toEqual(['SESSION_ENDED', 'SESSION_ENDED', 'SESSION_ENDED', undefined]);
    });
  });

  describe('save(), reload() and touch()', () => {
    it('save() writes now, and only changes that are not written yet', async () => {
      const browser = await visitor(running, { x: 1 });
      const { value } = await observe(browser, async session => {
        session.x = 2;
        await session.save();
        const saved = (await running.store.load(session.id!)) as SessionRecord;
        session.x = 3;
        const later = (await running.store.load(session.id!)) as SessionRecord;
        return [saved.data, later.data];
      });
      expect(value).toEqual([{ 'd:x': '2' }, { 'd:x': '2' }]);
      expect((await observe(browser, session => session.x as unknown)).value).toBe(3);
    });

    it('save() with nothing to save creates nothing; a session that was saved has its cookie in the answer', async () => {
      const since = running.events.length;
      const nothing = await observe(running.browser(), async session => {
        await session.save();
        session.x = 1;
        delete session.x;
        await session.save();
        return session.id;
      });
      expect(nothing.value).toBeUndefined();
      expect(nothing.answer.setCookies).toEqual([]);
      expect(running.events.slice(since)).toEqual([]);
      const browser = running.browser();
      const { value, answer } = await observe(browser, async session => {
        session.x = 1;
        await session.save();
        return session.id;
      });
      expect(value).toMatch(/^[0-9a-f]{64}$/);
      expect(answer.setCookies).toHaveLength(1);
    });

    it('what save() wrote stands when the handler then throws, cookie included; the rest does not', async () => {
      const browser = running.browser();
      const { answer } = await observe(browser, async session => {
        session.saved = 1;
        await session.save();
        session.unsaved = 1;
        throw new Error('after the save');
      });
      expect(answer.status).toBe(500);
      expect((await observe(browser, session => ({ ...session }))).value).toEqual({ saved: 1 });
    });

    it('reload() drops unsaved changes and shows what other requests wrote', async () => {
      const browser = await visitor(running, { x: 1, y: 1 });
      const { value } = await observe(browser, async session => {
        session.x = 'unsaved';
        session.z = 'unsaved';
        session.flash('info', 'unsaved');
        await observe(browser.copy(), other => void (other.y = 2));
        await session.reload();
        return [{ ...session }, session.isNew];
      });
      expect(value).toEqual([{ x: 1, y: 2 }, false]);
      const after = await observe(browser, async session => [{ ...session }, await session.flashes()]);
      expect(after.value).toEqual([{ x: 1, y: 2 }, []]);
    });

    it('reload() of a visitor is an empty session again', async () => {
      const browser = running.browser();
      const { value } = await observe(browser, async session => {
        session.x = 1;
        await session.reload();
        return { ...session };
      });
      expect(value).toEqual({});
      expect(browser.cookies.size).toBe(0);
    });

    it('touch() writes activity down before it is due, and rejects for a session that is gone', async () => {
      const browser = await visitor(running, { x: 1 });
      running.clock.advance(1_000);
      const { value, error } = await observe(browser, async session => {
        const before = session.lastSeenAt!;
        await session.touch();
        const stored = (await running.store.load(session.id!)) as SessionRecord;
        const moved = session.lastSeenAt!.getTime() - before.getTime();
        await running.sessions.revoke(session.id!);
        const code = await session.touch().catch((thrown: unknown) => (thrown as SessionClosedError).code);
        return { moved, isStored: stored.lastSeenAt === session.lastSeenAt!.getTime(), code };
      });
      expect(error).toBeUndefined();
      expect(value.moved).toBeGreaterThanOrEqual(1_000);
      expect(value).toMatchObject({ isStored: true, code: 'SESSION_ENDED' });
      const visited = await observe(running.browser(), session => session.touch());
      expect(visited.error).toBeUndefined();
      expect(visited.answer.setCookies).toEqual([]);
    });
  });

  describe('update() and take()', () => {
    it('update() returns what it wrote, creates the session, and creates nothing for undefined', async () => {
      const browser = running.browser();
      const first = await observe(browser, session => session.update('n', (n = 0) => Number(n) + 1));
      expect(first.value).toBe(1);
      const { value } = await observe(browser, async session => {
        const second = await session.update('n', async (n: number) => n + 1);
        return [second, session.n];
      });
      expect(value).toEqual([2, 2]);
      const nothing = running.browser();
      await observe(nothing, session => session.update('n', () => undefined));
      expect(nothing.cookies.size).toBe(0);
    });

    it('update() starts from an unsaved assignment, and leaves other unsaved changes to the commit', async () => {
      const browser = await visitor(running, { n: 1 });
      const { value } = await observe(browser, async session => {
        session.n = 10;
        session.other = 'unsaved';
        const result = await session.update('n', (n: number) => n + 1);
        const { data } = (await running.store.load(session.id!)) as SessionRecord;
        return [result, session.n as unknown, data];
      });
      expect(value).toEqual([11, 11, { 'd:n': '11' }]);
      expect((await observe(browser, session => ({ ...session }))).value).toEqual({
        n: 11,
        other: 'unsaved',
      });
    });

    it('update() refuses an argument that is not a function, and operations of the same session inside its function', async () => {
      const browser = await visitor(running, { n: 1 });
      const { value, error } = await observe(browser, async session => {
        const noFunction = await session
          .update('n', 5 as never)
          .catch((thrown: unknown) => (thrown as Error).name);
        const codes: unknown[] = [];
        await session.update('n', async () => {
          for (const attempt of [
            () => session.update('m', () => 1),
            () => session.take('m'),
            () => session.login('alice'),
            () => session.regenerate(),
            () => session.destroy(),
          ])
            await attempt().catch((thrown: unknown) => codes.push((thrown as SessionClosedError).code));
          return 2;
        });
        return [noFunction, codes, session.n as unknown];
      });
      expect(error).toBeUndefined();
      expect(value).toEqual(['TypeError', Array(5).fill('SESSION_MISUSED'), 2]);
    });

    it('take() gives a value once, and nothing after that', async () => {
      const browser = await visitor(running, { token: 'once', x: 1 });
      const tabs = Array.from({ length: 8 }, () => browser.copy());
      const taken = await Promise.all(tabs.map(tab => observe(tab, session => session.take('token'))));
      expect(taken.map(({ value }) => value).filter(value => value === 'once')).toHaveLength(1);
      expect(taken.map(({ error }) => error)).toEqual(Array(8).fill(undefined));
      const { value } = await observe(browser, async session => [
        await session.take('token'),
        { ...session },
      ]);
      expect(value).toEqual([undefined, { x: 1 }]);
    });

    it('take() of what was assigned in the same request gives that, stored or not', async () => {
      for (const browser of [running.browser(), await visitor(running, { x: 1 })]) {
        const { value } = await observe(browser, async session => {
          session.t = 'fresh';
          return [await session.take('t'), session.has('t'), await session.take('t')];
        });
        expect(value).toEqual(['fresh', false, undefined]);
      }
    });
  });

  describe('flash messages', () => {
    it('are shown once, oldest first, by category or all', async () => {
      const browser = running.browser();
      await observe(browser, session => {
        for (let n = 1; n <= 12; n++) session.flash(n % 2 ? 'odd' : 'even', { n });
      });
      running.clock.advance(5);
      await observe(browser, session => session.flash('odd', { n: 13 }));
      const even = await observe(browser, session => session.flashes('even'));
      expect(even.value).toEqual([2, 4, 6, 8, 10, 12].map(n => ({ n })));
      const all = await observe(browser, session => session.flashes());
      expect(all.value).toEqual([1, 3, 5, 7, 9, 11, 13].map(n => ({ category: 'odd', message: { n } })));
      expect((await observe(browser, session => session.flashes())).value).toEqual([]);
    });

    it('are seen in the request that leaves them too, and then not stored', async () => {
      const browser = await visitor(running, { x: 1 });
      await observe(browser, session => session.flash('info', 'stored'));
      const { value } = await observe(browser, async session => {
        session.flash('info', 'new');
        return session.flashes('info');
      });
      expect(value).toEqual(['stored', 'new']);
      expect((await observe(browser, session => session.flashes())).value).toEqual([]);
    });

    it('may have any category and any value that a session can hold', async () => {
      const browser = running.browser();
      const categories = ['', ':', 'a:b', '__proto__', 'd:x', '😀', 'line\nbreak'];
      await observe(browser, session => {
        for (const category of categories) session.flash(category, new Date(5));
        session.flash('none', undefined);
      });
      const { value, error } = await observe(browser, async session => {
        const one = await session.flashes(':');
        return [one, await session.flashes()] as const;
      });
      expect(error).toBeUndefined();
      const rest = categories.filter(category => category !== ':');
      expect(value[0]).toEqual([new Date(5)]);
      expect(value[1]).toEqual([
        ...rest.map(category => ({ category, message: new Date(5) })),
        { category: 'none', message: undefined },
      ]);
    });

    it('are not data: keys, JSON and clear() leave them out', async () => {
      const browser = await visitor(running, { x: 1 });
      const { value } = await observe(browser, session => {
        session.flash('info', 'hi');
        session.clear();
        return [Object.keys(session), JSON.stringify(session)];
      });
      expect(value).toEqual([[], '{}']);
      expect((await observe(browser, session => session.flashes('info'))).value).toEqual(['hi']);
    });

    it('follow a login and keep: true, and nothing else', async () => {
      const outcomes: unknown[] = [];
      const rotations: Script<Untyped>[] = [
        session => session.login('alice'),
        session => session.login('alice', { keep: [] }),
        session => session.regenerate({ keep: true }),
        session => session.regenerate({ keep: ['x'] }),
        session => session.regenerate(),
        session => session.destroy(),
      ];
      for (const rotate of rotations) {
        const browser = await visitor(running, { x: 1 });
        await observe(browser, session => session.flash('info', 'stored'));
        await observe(browser, async (session, http) => {
          session.flash('info', 'new');
          await rotate(session, http);
        });
        outcomes.push((await observe(browser, session => session.flashes('info'))).value);
      }
      const all = ['stored', 'new'];
      expect(outcomes).toEqual([all, all, all, [], [], []]);
    });

    it('reading them creates nothing for a visitor', async () => {
      const { value, answer } = await observe(running.browser(), session => session.flashes());
      expect(value).toEqual([]);
      expect(answer.setCookies).toEqual([]);
    });
  });
});
