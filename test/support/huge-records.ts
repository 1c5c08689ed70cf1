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

/** Puts things under the id of a session, behind the back of the store. */
export interface Planter {
  /** A text of many characters into the data of the session, as the codec writes one. */
  text(id: string, length: number): Promise<unknown>;
  /** As many into the metadata. */
  meta(id: string, length: number): Promise<unknown>;
  /** Whether the record is there with all of that. */
  holds(id: string, length: number): Promise<boolean>;
}

/** How long anything may take on a busy machine, reading and decoding it included. */
const BOUND_MS = 30_000;

/** A record of a size that no session of ours has costs its reading, and neither the process nor anybody else's session. */
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
    // What does not make it larger is saved, whatever its size.
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
