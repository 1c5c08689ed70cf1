import { deflateSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonCodec, type SessionDataError } from '../../lib/index.js';
import { MemorySessionStore } from '../../lib/stores/memory/index.js';
import { platforms } from '../support/platforms.js';
import { observe, ScriptController, visitor } from '../support/scripts.js';
import { startApp, type RunningApp } from '../support/start-app.js';

/** JSON has no room for this text: whoever tries to encode it gets an error of another kind. */
const unencodable = '\0'.repeat(2 ** 27);
/** Some lines of code; as JSON it would have 2^60 pairs of brackets. */
function doubling(): unknown {
  let value: unknown = [];
  for (let level = 0; level < 60; level++) value = { left: value, right: value };
  return value;
}

const TOO_LARGE: [string, () => unknown][] = [
  ['a text of 100 MB', () => 'a'.repeat(100_000_000)],
  ['a text that JSON has no room for', () => ({ attempts: [{ user: unencodable }] })],
  ['an array of ten million numbers', () => Array(10_000_000).fill(1)],
  ['100 MB of bytes', () => Buffer.alloc(100_000_000)],
  ['a graph that doubles on each level', doubling],
];

describe.each(platforms)('a value far larger than maxSize, on $name', platform => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({ platform, backend: { type: 'memory' }, controllers: [ScriptController] });
  });
  afterAll(() => running.close());

  it.each(TOO_LARGE)('%s is refused without the work of encoding it', async (_, make) => {
    const browser = await visitor(running, { x: 1, larger: 'text' });
    const value = make();
    const started = performance.now();
    const { answer, error } = await observe(browser, session => {
      session.x = 2;
      session.v = value;
    });
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(answer.status).toBe(500);
    expect(error).toMatchObject({ code: 'SESSION_TOO_LARGE', keys: ['v', 'larger', 'x'] });
    expect((error as Error).message).toMatch(
      /more than 65536 bytes and "maxSize" is 65536; largest: "v" \(more than 65536 bytes\), "larger" \(12 bytes\)/,
    );
    const after = await observe(browser, session => ({ ...session }));
    expect(after.value).toEqual({ x: 1, larger: 'text' });
  });

  it('so it is by every way to write it, and nothing of it is left behind', async () => {
    const browser = await visitor(running, { x: 1, larger: 'text' });
    const { value, error } = await observe(browser, async session => {
      const codes: unknown[] = [];
      const note = (thrown: unknown): void => void codes.push((thrown as SessionDataError).code);
      await session.update('x', () => unencodable).catch(note);
      try {
        session.flash('info', unencodable);
      } catch (thrown) {
        note(thrown);
      }
      session.v = [unencodable];
      await session.save().catch(note);
      await session.login('alice').catch(note);
      await session.regenerate({ keep: true }).catch(note);
      delete session.v;
      return codes;
    });
    expect(error).toBeUndefined();
    expect(value).toEqual(Array(5).fill('SESSION_TOO_LARGE'));
    const after = await observe(browser, session => [session.loggedInAs, { ...session }]);
    expect(after.value).toEqual([undefined, { x: 1, larger: 'text' }]);
  });

  it('may be what update() and take() start from, since it is not what they write', async () => {
    const browser = await visitor(running, { x: 1, larger: 'text' });
    const { value, error } = await observe(browser, async session => {
      session.x = 'a'.repeat(100_000);
      const length = await session.update('x', (text: string) => text.length);
      session.larger = 'b'.repeat(100_000);
      const taken = (await session.take('larger')) as string;
      return [length, taken.length];
    });
    expect(error).toBeUndefined();
    expect(value).toEqual([100_000, 100_000]);
    expect((await observe(browser, session => ({ ...session }))).value).toEqual({ x: 100_000 });
  });
});

describe.each(platforms)('a session that was stored larger than maxSize, on $name', platform => {
  const store = new MemorySessionStore();
  let roomy: RunningApp;
  let tight: RunningApp;
  beforeAll(async () => {
    roomy = await startApp({
      platform,
      backend: { store },
      controllers: [ScriptController],
      session: { maxSize: 1_000_000 },
    });
    tight = await startApp({
      platform,
      backend: { store },
      controllers: [ScriptController],
      session: { maxSize: 1_000 },
    });
  });
  afterAll(async () => {
    await tight.close();
    await roomy.close();
  });

  it.each<[string, number, boolean]>([
    ['as large as all that was there passes: it does not grow the session', 5_000, true],
    ['of one byte more is refused', 5_001, false],
    ['of 100 MB is refused', 100_000_000, false],
  ])('one value %s', async (_, bytes, isAccepted) => {
    const browser = roomy.browser();
    await observe(browser, session => {
      Object.assign(session, { a: 'a'.repeat(3_000 - 3), b: 'b'.repeat(2_000 - 3) });
    });
    const { error } = await observe(browser.copy(tight.url), session => {
      delete session.b;
      session.a = 'n'.repeat(bytes - 3);
    });
    if (isAccepted) expect(error).toBeUndefined();
    else expect(error).toMatchObject({ code: 'SESSION_TOO_LARGE', keys: expect.arrayContaining(['a']) });
    const { value } = await observe(browser, session => (session.a as string).length + 3);
    expect(value).toBe(isAccepted ? bytes : 3_000);
  });
});

describe('a codec of the application', () => {
  it('is asked for the text before anything is refused: it may be a short one', async () => {
    const codec = {
      ...jsonCodec,
      encode: (value: unknown) => deflateSync(jsonCodec.encode(value)).toString('base64'),
      decode: (text: string) => jsonCodec.decode(inflateSync(Buffer.from(text, 'base64')).toString()),
    };
    const running = await startApp({
      platform: platforms[0]!,
      backend: { type: 'memory' },
      session: { codec },
      controllers: [ScriptController],
    });
    try {
      const browser = running.browser();
      const { error } = await observe(browser, session => void (session.v = 'a'.repeat(1_000_000)));
      expect(error).toBeUndefined();
      expect((await observe(browser, session => (session.v as string).length)).value).toBe(1_000_000);
    } finally {
      await running.close();
    }
  });

  it('that makes no text is refused, and nothing is lost in silence', async () => {
    const codec = { encode: JSON.stringify, decode: (text: string) => JSON.parse(text) as unknown };
    const running = await startApp({
      platform: platforms[0]!,
      backend: { type: 'memory' },
      session: { codec },
      controllers: [ScriptController],
    });
    try {
      const { error } = await observe(running.browser(), session => void (session.onClick = () => 1));
      expect(error).toMatchObject({ code: 'SESSION_VALUE_REFUSED', keys: ['onClick'] });
    } finally {
      await running.close();
    }
  });
});
