import { describe, expect, it } from 'vitest';
import { checkHistory } from './check-history.js';
import { COUNTER, type Op, type Request, type View } from './history.js';

/** Builds a history in which each request begins when the one before it has ended, unless it says otherwise. */
class Story {
  readonly ops: Op[] = [];
  #now = 0;

  /** A request of the browser `ada`, with the cookie of a session. */
  ask(request: Request, cookie: string | undefined, answer: Partial<Op> = {}): this {
    this.#now += 10;
    this.ops.push({
      browser: 'ada',
      process: 0,
      sentAt: this.#now,
      answeredAt: this.#now + 5,
      status: 201,
      ...(cookie !== undefined && { cookie }),
      ...request,
      ...answer,
    });
    return this;
  }

  /** A handler of the session saw this data. */
  sees(data: View['data'], cookie = 's1', user?: string, answer: Partial<Op> = {}): this {
    return this.ask({ kind: 'me' }, cookie, { seen: view(data, cookie, user), ...answer });
  }

  get rules(): string[] {
    return [...new Set(checkHistory(this.ops).map(({ rule }) => rule))];
  }
}

const view = (data: View['data'] = {}, id = 's1', user?: string): View => ({
  id,
  data,
  ...(user !== undefined && { user }),
});

const set = (value: string, key = 'a'): Request => ({ kind: 'set', key, value });
const update = (value: string): Request => ({ kind: 'update', key: COUNTER, value });
const take: Request = { kind: 'take', key: 'a' };

/** A visitor whose first write began the session `s1`. */
const begun = (first = 'ada#1'): Story =>
  new Story().ask(set(first), undefined, { seen: null, setsCookie: 's1' });
/** A session `s1` of the user `anna`. */
const signedIn = (): Story =>
  new Story().ask({ kind: 'login', user: 'anna' }, undefined, { seen: null, setsCookie: 's1' });

const LOST = 'no acknowledged write is lost';
const TAKEN = 'a value is taken once';
const COUNTED = 'every update() is counted once';
const SHOWN = 'a flash message is shown once';
const ENDED = 'an ended session is never seen again';
const GONE = 'a session is gone only if it was ended';
const OWN = 'a request sees its own session only';
const LISTED = 'listByUser() is complete';
const COOKIES = 'cookies are set and cleared by the right requests';
const ANSWERED = 'every request is answered';

const flash: Request = { kind: 'flash', value: 'ada#2' };
const flashes = (result: readonly string[]): [Request, string, Partial<Op>] => [
  { kind: 'flashes' },
  's1',
  { seen: view({ a: 'ada#1' }), result },
];
const login = (user: string): Request => ({ kind: 'login', user });
const list = (result: readonly string[]): [Request, undefined, Partial<Op>] => [
  { kind: 'list', user: 'anna' },
  undefined,
  { seen: null, result },
];

describe('a good history has no violation', () => {
  it('writes, counts, takes and messages, through a login and a rotation, to the logout', () => {
    const story = begun()
      .ask(update('ada#2'), 's1', { seen: view({ a: 'ada#1' }), result: ['ada#2'] })
      .ask({ kind: 'flash', value: 'ada#3' }, 's1', { seen: view({ a: 'ada#1', count: ['ada#2'] }) })
      .ask({ kind: 'login', user: 'anna' }, 's1', {
        seen: view({ a: 'ada#1', count: ['ada#2'] }),
        setsCookie: 's2',
      })
      .sees({ a: 'ada#1', count: ['ada#2'] }, 's2', 'anna')
      .ask(take, 's2', { seen: view({ a: 'ada#1', count: ['ada#2'] }, 's2', 'anna'), result: 'ada#1' })
      .ask({ kind: 'regenerate', keep: [COUNTER] }, 's2', {
        seen: view({ count: ['ada#2'] }, 's2', 'anna'),
        setsCookie: 's3',
      })
      .ask({ kind: 'flashes' }, 's3', { seen: view({ count: ['ada#2'] }, 's3', 'anna'), result: [] })
      .ask({ kind: 'list', user: 'anna' }, 's3', {
        seen: view({ count: ['ada#2'] }, 's3', 'anna'),
        result: ['s3'],
      })
      .sees({ count: ['ada#2'] }, 's3', 'anna')
      .ask({ kind: 'destroy' }, 's3', { seen: view({ count: ['ada#2'] }, 's3', 'anna'), clearsCookie: true })
      .ask({ kind: 'me' }, 's3', { seen: null })
      .ask({ kind: 'me' }, 's1', { seen: null });
    expect(checkHistory(story.ops)).toEqual([]);
  });

  it.each([
    ['applied', { a: 'ada#2' }],
    ['not applied', { a: 'ada#1' }],
  ])('a write whose outcome is unknown may be %s', (_, data) => {
    expect(begun().ask(set('ada#2'), 's1', { status: 503 }).sees(data).rules).toEqual([]);
  });

  it('of two writes at the same time either may stay', () => {
    for (const value of ['ada#2', 'ada#3']) {
      const story = begun()
        .ask(set('ada#2'), 's1', { seen: view({ a: 'ada#1' }), sentAt: 100, answeredAt: 200 })
        .ask(set('ada#3'), 's1', { seen: view({ a: 'ada#1' }), sentAt: 100, answeredAt: 200 })
        .sees({ a: value }, 's1', undefined, { sentAt: 300, answeredAt: 310 });
      expect(story.rules).toEqual([]);
    }
  });

  it('an implicit change that a logout overtakes is dropped, and a rotation without keep begins without data', () => {
    const story = begun()
      .ask(set('ada#2'), 's1', { seen: view({ a: 'ada#1' }), sentAt: 100, answeredAt: 200 })
      .ask({ kind: 'regenerate', keep: false }, 's1', {
        seen: view({ a: 'ada#1' }),
        setsCookie: 's2',
        sentAt: 110,
        answeredAt: 210,
      })
      .sees({}, 's2', undefined, { sentAt: 300, answeredAt: 310 });
    expect(story.rules).toEqual([]);
  });

  it('of two logins at the same time the one that comes second begins empty', () => {
    const story = begun()
      .ask(login('anna'), 's1', {
        seen: view({ a: 'ada#1' }),
        setsCookie: 's2',
        sentAt: 100,
        answeredAt: 200,
      })
      .ask(login('anna'), 's1', {
        seen: view({ a: 'ada#1' }),
        setsCookie: 's3',
        sentAt: 100,
        answeredAt: 200,
      })
      .sees({ a: 'ada#1' }, 's2', 'anna', { sentAt: 300, answeredAt: 310 })
      .sees({}, 's3', 'anna', { sentAt: 300, answeredAt: 310 });
    expect(story.rules).toEqual([]);
  });

  it('an update that broke off may be counted once', () => {
    const broken = begun().ask(update('ada#2'), 's1', { status: undefined });
    expect(broken.sees({ a: 'ada#1', count: ['ada#2'] }).rules).toEqual([]);
  });
});

describe('a bad history has a violation of the right rule:', () => {
  const stories: [rule: string, what: string, story: Story][] = [
    [LOST, 'an acknowledged value is gone', begun().sees({})],
    [
      LOST,
      'an older value is seen',
      begun()
        .ask(set('ada#2'), 's1', { seen: view({ a: 'ada#1' }) })
        .sees({ a: 'ada#1' }),
    ],
    [
      LOST,
      'a removed value is seen',
      begun()
        .ask({ kind: 'delete', key: 'a' }, 's1', { seen: view({ a: 'ada#1' }) })
        .sees({ a: 'ada#1' }),
    ],
    [
      LOST,
      'the write of a request that threw is seen',
      begun().ask({ kind: 'throw', key: 'a', value: 'ada#2' }, 's1', { status: 500 }).sees({ a: 'ada#2' }),
    ],
    [
      LOST,
      'a refused write is seen',
      begun().ask({ kind: 'save', key: 'a', value: 'ada#2' }, 's1', { status: 409 }).sees({ a: 'ada#2' }),
    ],
    [
      LOST,
      'a change that was dropped by reload() is seen',
      begun()
        .ask({ kind: 'reload', key: 'a', value: 'ada#2' }, 's1', {
          seen: view({ a: 'ada#1' }),
          result: view({ a: 'ada#1' }),
        })
        .sees({ a: 'ada#2' }),
    ],
    [
      LOST,
      'a login loses the data',
      begun()
        .ask(login('anna'), 's1', { seen: view({ a: 'ada#1' }), setsCookie: 's2' })
        .sees({}, 's2', 'anna'),
    ],
    [
      LOST,
      'regenerate() without keep keeps the data',
      begun()
        .ask({ kind: 'regenerate', keep: false }, 's1', { seen: view({ a: 'ada#1' }), setsCookie: 's2' })
        .sees({ a: 'ada#1' }, 's2'),
    ],
    [
      LOST,
      'the login of another user keeps the data',
      begun()
        .ask(login('anna'), 's1', { seen: view({ a: 'ada#1' }), setsCookie: 's2' })
        .ask(login('ben'), 's2', { seen: view({ a: 'ada#1' }, 's2', 'anna'), setsCookie: 's3' })
        .sees({ a: 'ada#1' }, 's3', 'ben'),
    ],
    [LOST, 'a take() finds nothing', begun().ask(take, 's1', { seen: view({ a: 'ada#1' }) })],
    [
      TAKEN,
      'two requests take one value',
      begun()
        .ask(take, 's1', { seen: view({ a: 'ada#1' }), result: 'ada#1' })
        .ask(take, 's1', { seen: view({}), result: 'ada#1' }),
    ],
    [
      TAKEN,
      'a taken value is seen',
      begun()
        .ask(take, 's1', { seen: view({ a: 'ada#1' }), result: 'ada#1' })
        .sees({ a: 'ada#1' }),
    ],
    [
      COUNTED,
      'an acknowledged update is lost',
      begun()
        .ask(update('ada#2'), 's1', { seen: view({ a: 'ada#1' }), result: ['ada#2'] })
        .sees({ a: 'ada#1' }),
    ],
    [
      COUNTED,
      'an update is counted twice',
      begun()
        .ask(update('ada#2'), 's1', { status: 503 })
        .sees({ a: 'ada#1', count: ['ada#2', 'ada#2'] }),
    ],
    [
      COUNTED,
      'an update that gave up is counted',
      begun()
        .ask(update('ada#2'), 's1', { status: 503, code: 'SESSION_CONFLICT' })
        .sees({ a: 'ada#1', count: ['ada#2'] }),
    ],
    [
      COUNTED,
      'two updates overwrite each other',
      begun()
        .ask(update('ada#2'), 's1', {
          seen: view({ a: 'ada#1' }),
          result: ['ada#2'],
          sentAt: 100,
          answeredAt: 200,
        })
        .ask(update('ada#3'), 's1', {
          seen: view({ a: 'ada#1' }),
          result: ['ada#3'],
          sentAt: 100,
          answeredAt: 200,
        }),
    ],
    [
      SHOWN,
      'a message is shown twice',
      begun()
        .ask(flash, 's1', { seen: view({ a: 'ada#1' }) })
        .ask(...flashes(['ada#2']))
        .ask(...flashes(['ada#2'])),
    ],
    [
      SHOWN,
      'an acknowledged message is lost',
      begun()
        .ask(flash, 's1', { seen: view({ a: 'ada#1' }) })
        .ask(...flashes([])),
    ],
    [
      SHOWN,
      'a message of another session is shown',
      begun()
        .ask(flash, undefined, { seen: null, setsCookie: 's9' })
        .ask(...flashes(['ada#2'])),
    ],
    [
      ENDED,
      'a session is seen after its logout',
      signedIn()
        .ask({ kind: 'destroy' }, 's1', { seen: view({}, 's1', 'anna'), clearsCookie: true })
        .sees({}, 's1', 'anna'),
    ],
    [
      ENDED,
      'a session is seen after it was revoked',
      signedIn().ask({ kind: 'revoke', target: 's1' }, undefined, { seen: null }).sees({}, 's1', 'anna'),
    ],
    [
      ENDED,
      'a session is seen after all of its user were revoked',
      signedIn()
        .ask({ kind: 'revokeByUser', user: 'anna' }, undefined, { seen: null })
        .sees({}, 's1', 'anna'),
    ],
    [
      ENDED,
      'the old id is seen after a rotation',
      signedIn()
        .ask({ kind: 'regenerate', keep: true }, 's1', { seen: view({}, 's1', 'anna'), setsCookie: 's2' })
        .sees({}, 's1', 'anna'),
    ],
    [
      ENDED,
      'a logout with the old id of a rotation ends nothing',
      signedIn()
        .ask({ kind: 'regenerate', keep: true }, 's1', { seen: view({}, 's1', 'anna'), setsCookie: 's2' })
        .ask({ kind: 'destroy' }, 's1', { seen: null, clearsCookie: true })
        .sees({}, 's2', 'anna'),
    ],
    [
      ENDED,
      'a session is seen after a request did not find it',
      signedIn()
        .ask({ kind: 'destroy' }, 's1', { status: 503 })
        .ask({ kind: 'me' }, 's1', { seen: null })
        .sees({}, 's1', 'anna'),
    ],
    [
      GONE,
      'a session is absent although no request ended it',
      signedIn().ask({ kind: 'me' }, 's1', { seen: null }),
    ],
    [
      GONE,
      'a change is refused although no request ended the session',
      signedIn().ask(update('ada#2'), 's1', { status: 409 }),
    ],
    [OWN, 'another session is seen', begun().ask({ kind: 'me' }, 's1', { seen: view({}, 's9') })],
    [OWN, 'a visitor is signed in', begun().sees({ a: 'ada#1' }, 's1', 'anna')],
    [
      OWN,
      'a value of another browser is seen',
      begun()
        .ask(set('bob#2'), 's1', { browser: 'bob', seen: view({ a: 'ada#1' }) })
        .sees({ a: 'bob#2' }),
    ],
    [
      LISTED,
      'a live session is missing in the list',
      signedIn()
        .ask(...list([]))
        .sees({}, 's1', 'anna'),
    ],
    [
      LISTED,
      'a session of another user is in the list',
      signedIn()
        .ask(login('ben'), undefined, { seen: null, setsCookie: 's2' })
        .ask(...list(['s1', 's2'])),
    ],
    [
      LISTED,
      'an ended session is in the list',
      signedIn()
        .ask({ kind: 'destroy' }, 's1', { seen: view({}, 's1', 'anna'), clearsCookie: true })
        .ask(...list(['s1'])),
    ],
    [
      COOKIES,
      'the cookie is cleared without a logout',
      begun().sees({ a: 'ada#1' }, 's1', undefined, { clearsCookie: true }),
    ],
    [
      COOKIES,
      'a logout leaves the cookie',
      begun().ask({ kind: 'destroy' }, 's1', { seen: view({ a: 'ada#1' }) }),
    ],
    [
      COOKIES,
      'a live session gets another id without a rotation',
      begun().ask(set('ada#2'), 's1', { seen: view({ a: 'ada#1' }), setsCookie: 's2' }),
    ],
    [ANSWERED, 'a request is not answered', begun().ask({ kind: 'me' }, 's1', { status: 0 })],
    [ANSWERED, 'a request fails with 500', begun().ask({ kind: 'me' }, 's1', { status: 500 })],
  ];

  it.each(stories)('%s: %s', (rule, _, story) => {
    expect(story.rules).toContain(rule);
  });

  it('every rule has a bad history', () => {
    const rules = [LOST, TAKEN, COUNTED, SHOWN, ENDED, GONE, OWN, LISTED, COOKIES, ANSWERED];
    expect([...new Set(stories.map(([rule]) => rule))]).toEqual(rules);
  });
});
