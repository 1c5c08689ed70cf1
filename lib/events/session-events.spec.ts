import { setTimeout } from 'node:timers/promises';
import { filter, firstValueFrom, map, merge, NEVER, Subject, switchMap, take, takeUntil, tap } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionEvents, type SessionEvent } from './session-events.js';

const created: SessionEvent = { type: 'created', id: 'a'.repeat(64) };
const expired: SessionEvent = { type: 'expired', id: 'b'.repeat(64), reason: 'idle' };

describe('SessionEvents', () => {
  let logged: unknown[];
  let events: SessionEvents;
  beforeEach(() => {
    logged = [];
    events = new SessionEvents({ error: (_message, error) => logged.push(error) });
  });

  it('gives every listener the events after its subscription, in order', () => {
    const [early, late]: SessionEvent[][] = [[], []];
    events.emit(created);
    events.events$.subscribe(event => early!.push(event));
    events.emit(expired);
    events.events$.subscribe(event => late!.push(event));
    events.emit(created);
    expect([early, late]).toEqual([[expired, created], [created]]);
  });

  it('completes its listeners when the application closes, and emits nothing afterwards', () => {
    const seen: unknown[] = [];
    events.events$.subscribe({ next: event => seen.push(event), complete: () => seen.push('complete') });
    events.complete();
    events.emit(created);
    expect(seen).toEqual(['complete']);
  });

  it('gives users an observable that cannot emit', () => {
    expect(events.events$).not.toHaveProperty('next');
  });

  /** Emits two events, and waits until errors that are reported later would have ended the process. */
  async function emitTwice(): Promise<void> {
    events.emit(created);
    events.emit(expired);
    await setTimeout(5);
  }

  describe('a listener that fails', () => {
    const failure = new Error('the audit log is full');
    const fail = (): never => {
      throw failure;
    };
    const uncaught = vi.fn<(error: unknown) => void>();
    beforeEach(() => {
      process.on('uncaughtException', uncaught).on('unhandledRejection', uncaught);
    });
    afterEach(() => {
      process.off('uncaughtException', uncaught).off('unhandledRejection', uncaught);
      uncaught.mockReset();
    });

    it.each<[how: string, subscribe: (source: SessionEvents['events$']) => unknown, failures: number]>([
      ['a function that throws', source => source.subscribe(fail), 2],
      ['an observer whose next() throws', source => source.subscribe({ next: fail }), 2],
      // oxlint-disable-next-line typescript/no-misused-promises -- the types of RxJS allow it, so it is tested
      ['an async function that rejects', source => source.subscribe(async () => fail()), 2],
      ['a function behind operators', source => source.pipe(filter(Boolean), map(String)).subscribe(fail), 2],
      [
        'an operator that throws, which ends the subscription',
        source => source.pipe(map(fail)).subscribe(),
        1,
      ],
      [
        'an operator that throws, before an observer without error()',
        source => source.pipe(tap(fail), takeUntil(NEVER)).subscribe({ next: () => undefined }),
        1,
      ],
      [
        'an observer whose error() throws',
        source =>
          source
            .pipe(
              map(() => {
                throw new Error('first');
              }),
            )
            .subscribe({ error: fail }),
        1,
      ],
    ])('is logged and disturbs no other listener: %s', async (_how, subscribe, failures) => {
      const seen: SessionEvent[] = [];
      subscribe(events.events$);
      events.events$.subscribe(event => seen.push(event));
      await emitTwice();
      expect(seen).toEqual([created, expired]);
      expect(logged).toEqual(Array.from({ length: failures }, () => failure));
      expect(uncaught).not.toHaveBeenCalled();
    });

    it('is logged when its complete() throws', async () => {
      const seen: string[] = [];
      events.events$.subscribe({ complete: fail });
      events.events$.subscribe({ complete: () => void seen.push('complete') });
      events.complete();
      await setTimeout(5);
      expect([seen, logged]).toEqual([['complete'], [failure]]);
      expect(uncaught).not.toHaveBeenCalled();
    });

    it('that catches its own errors causes no log message', async () => {
      const handled: unknown[] = [];
      events.events$.pipe(map(fail)).subscribe({ error: error => handled.push(error) });
      await emitTwice();
      expect([handled, logged]).toEqual([[failure], []]);
    });
  });

  it('is an ordinary observable that works with operators, subjects and promises', async () => {
    const [subject, seen] = [new Subject<SessionEvent>(), [] as unknown[]];
    subject.subscribe(event => seen.push(['subject', event]));
    events.events$.subscribe(subject);
    merge(events.events$, NEVER).subscribe(event => seen.push(['merge', event]));
    const first = firstValueFrom(events.events$);
    const stop = events.events$.subscribe(event => seen.push(['stopped', event]));
    stop.unsubscribe();
    events.emit(created);
    expect(await first).toBe(created);
    expect(seen).toEqual([
      ['subject', created],
      ['merge', created],
    ]);
  });

  it('has no subscription left after an operator has finished', () => {
    const [restarts, seen] = [new Subject<string>(), [] as string[]];
    restarts
      .pipe(switchMap(name => events.events$.pipe(tap(({ type }) => seen.push(`${name}: ${type}`)))))
      .subscribe();
    events.events$.pipe(take(1)).subscribe(({ type }) => seen.push(`once: ${type}`));
    for (const name of ['first', 'second']) {
      restarts.next(name);
      events.emit(created);
    }
    expect(seen).toEqual(['once: created', 'first: created', 'second: created']);
  });

  it('keeps the observer as `this` of its methods', () => {
    const observer = {
      seen: [] as SessionEvent[],
      next(event: SessionEvent): void {
        this.seen.push(event);
      },
    };
    events.events$.subscribe(observer);
    events.emit(created);
    expect(observer.seen).toEqual([created]);
  });
});
