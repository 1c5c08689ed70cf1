import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { addFirstHook, type Hookable } from './first-fastify-hook.js';

const hook = (): void => undefined;

describe('addFirstHook', () => {
  it('runs once before the hooks that were added earlier, in existing contexts and in later ones', async () => {
    const app = fastify();
    const ran: string[] = [];
    app.addHook('onRequest', async () => void ran.push('earlier'));
    await app.register(async plugin => {
      plugin.addHook('onRequest', async () => void ran.push('plugin'));
      await plugin.register(async inner => void inner.get('/loaded', async () => ran.splice(0)));
    });
    addFirstHook(app as unknown as Hookable, (_request, _reply, done) => {
      ran.push('first');
      done();
    });
    await app.register(async plugin => void plugin.get('/later', async () => ran.splice(0)));
    app.setNotFoundHandler(async () => ran.splice(0));
    expect((await app.inject('/loaded')).json()).toEqual(['first', 'earlier', 'plugin']);
    expect((await app.inject('/later')).json()).toEqual(['first', 'earlier']);
    expect((await app.inject('/nowhere')).json()).toEqual(['first', 'earlier']);
    await app.close();
  });

  it('adds the hook in the usual way to an instance that does not show its hooks', () => {
    const added: unknown[] = [];
    addFirstHook({ addHook: (...args) => added.push(args) }, hook);
    expect(added).toEqual([['onRequest', hook]]);
  });
});
