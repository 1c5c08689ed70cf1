import { Controller, Get, Post } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import { outsideBackends } from '../support/backends.js';
import { describeCells } from '../support/cells.js';
import { FaultyStore } from '../../lib/testing/index.js';
import { platforms } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';

@Controller()
class AccountController {
  @Post('login')
  async login(@Session() session: Session<{ note?: string }>) {
    session.note = 'kept';
    await session.login('alice');
  }

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.loggedInAs ?? null, id: session.id ?? null };
  }
}

/** Signs in, and tries everything that somebody with a copy of the store could put into a cookie. */
async function steal(running: RunningApp, copyOfStore: () => Promise<string>): Promise<void> {
  const victim = running.browser();
  await victim.post('/login');
  const { id } = (await victim.get('/me')).json<{ id: string }>();
  const [[name, token]] = [...victim.cookies] as [[string, string]];
  const copy = await copyOfStore();
  expect(copy).toContain('alice');
  expect(copy).not.toContain(token);

  const words = new Set([id, ...copy.split(/[^\w-]+/).filter(word => word.length >= 16)]);
  const inOtherWords = [...words].map(word => Buffer.from(word, 'hex').toString('base64url'));
  for (const word of [...words, ...inOtherWords.filter(other => other !== '')]) {
    const thief = running.browser();
    thief.cookies.set(name, word);
    expect((await thief.get('/me')).json(), word).toMatchObject({ user: null });
  }
  expect((await victim.get('/me')).json()).toMatchObject({ user: 'alice' });
}

describe.each(platforms)('a stolen copy of the store signs no one in, on $name', platform => {
  it('no call of a store carries a token, and no id is a token', async () => {
    const store = new FaultyStore();
    const running = await startApp({ platform, backend: { store }, controllers: [AccountController] });
    try {
      await steal(running, async () => JSON.stringify(store.calls));
    } finally {
      await running.close();
    }
  });
});

describeCells('a stolen copy of what is stored', outsideBackends, ({ platform, backend }) => {
  it('nothing in it signs anyone in, neither the names nor the contents', async () => {
    const place = await backend.place();
    const running = await startApp({
      platform,
      backend: place.options,
      controllers: [AccountController],
    });
    try {
      await steal(running, () => place.dump());
    } finally {
      await running.close();
      await place.dispose();
    }
  });
});
