import { describe, expect, it } from 'vitest';
import { testSession } from '../testing/test-session.js';

describe('arguments that are not what a method takes', () => {
  it.each(['cart', 7, null, ['cart', 7], {}])(
    'keep: %j is refused, and the session stays as it was',
    async keep => {
      const session = testSession({ cart: ['tea'], car: 1 }, { userId: 'ada' });
      const { id } = session;
      const options = { keep } as never;
      for (const call of [() => session.login('ada', options), () => session.regenerate(options)]) {
        await expect(call()).rejects.toThrow(/keep: \['key', …\]/);
      }
      await new Promise<void>(resolve => {
        session.regenerate(options, error => {
          expect(error).toBeInstanceOf(TypeError);
          resolve();
        });
      });
      expect([session.id, session.loggedInAs, { ...session }]).toEqual([
        id,
        'ada',
        { cart: ['tea'], car: 1 },
      ]);
    },
  );

  it('options that are null are refused', async () => {
    const session = testSession({}, { userId: 'ada' });
    await expect(session.login('ada', null as never)).rejects.toThrow(TypeError);
    await expect(session.regenerate(null as never)).rejects.toThrow(TypeError);
  });

  it.each([{}, 'done', null])('a callback that is %j is refused', async callback => {
    const session = testSession({ cart: [] });
    for (const method of ['save', 'destroy', 'reload'] as const) {
      await expect(session[method](callback as never)).rejects.toThrow(/callback must be a function/);
    }
    expect(session.id).toBeDefined();
  });
});
