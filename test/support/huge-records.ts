import { Controller, Get, Post } from '@nestjs/common';
import { expect } from 'vitest';
import { Session, type SessionModuleOptions } from '../../lib/index.js';
import type { Platform } from './platforms.js';
import { startApp } from './start-app.js';

type Big = Session<{ name?: string; big?: string }>;

@Controller()
class Shelf {
  @Post('login')
  async login(@Session() session: Big) {
    await session.login('alice');
    session.name = 'Alice';
    return { id: session.id };
  }

  @Get('me')
  me(@Session() session: Big) {
    return { user: session.loggedInAs ?? null, name: session.name };
  }

  @Get('size')
  size(@Session() session: Big) {
    return { size: session.big?.length };
  }

  @Post('rename')
  rename(@Session() session: Big) {
    session.name = 'Al';
  }

  @Post('logout')
  async logout(@Session() session: Big) {
    await session.destroy();
  }
}

/** Writes into the record of a session directly, without the store. */
export interface Planter {
  /** Writes a text of this length into the data, encoded as the codec encodes texts. */
  text(id: string, length: number): Promise<unknown>;
  /** Writes a text of this length into the metadata. */
  meta(id: string, length: number): Promise<unknown>;
  /** Whether the record still exists with a text of this length. */
  holds(id: string, length: number): Promise<boolean>;
}

/** The time limit on a busy machine, including the time to read and decode the record. */
const BOUND_MS = 30_000;

/** Asserts that a record far larger than any session costs the time to read it, and harms no other session. */
export async function expectToBear(
  length: number,
  planter: Planter,
  platform: Platform,
  backend: SessionModuleOptions,
): Promise<void> {
  const running = await startApp({
    platform,
    backend,
    session: { storeTimeout: BOUND_MS },
    controllers: [Shelf],
  });
  try {
    const [alice, bystander] = [running.browser(), running.browser()];
    const { id } = (await alice.post('/login')).json<{ id: string }>();
    await bystander.post('/login');
    const other = async () => expect((await bystander.get('/me')).status).toBe(200);

    await planter.text(id, length);
    const start = performance.now();
    const [me] = await Promise.all([alice.get('/me'), other(), other()]);
    expect(me.json()).toEqual({ user: 'alice', name: 'Alice' });
    expect((await alice.get('/size')).json()).toEqual({ size: length });
    // A change that does not make the session larger is saved, even if the session is too large.
    expect((await alice.post('/rename')).status).toBe(201);
    expect((await alice.get('/me')).json()).toEqual({ user: 'alice', name: 'Al' });
    expect(performance.now() - start).toBeLessThan(BOUND_MS);
    const copy = alice.copy();
    expect((await alice.post('/logout')).status).toBe(201);
    expect((await copy.get('/me')).json()).toEqual({ user: null });

    const again = (await alice.post('/login')).json<{ id: string }>().id;
    await planter.meta(again, length);
    const since = running.events.length;
    const [nobody] = await Promise.all([alice.get('/me'), other(), other()]);
    expect(nobody.json()).toEqual({ user: null });
    expect(running.events.slice(since)).toContainEqual({ type: 'rejected', reason: 'broken', id: again });
    expect(await planter.holds(again, length), 'kept for whoever looks into it').toBe(true);
    await other();
  } finally {
    await running.close();
  }
}
