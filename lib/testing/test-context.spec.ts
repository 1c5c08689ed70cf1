import { SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { getSession } from '../get-session.js';
import { testContext } from './test-context.js';
import { testSession } from './test-session.js';

describe('testContext()', () => {
  it('getSession() finds the session by the context, by the request, and by a GraphQL context', async () => {
    const session = testSession({}, { userId: 'ada' });
    const context = testContext(session);
    expect(await getSession(context)).toBe(session);
    expect(await getSession(context.request)).toBe(session);
    expect(await getSession({ req: context.request })).toBe(session);
    expect((context.request as { session?: unknown }).session).toBe(session);
  });

  it('without a session it is the request of a visitor', async () => {
    const session = await getSession(testContext());
    expect(session.isNew).toBe(true);
    expect(session.loggedInAs).toBeUndefined();
  });

  it('two contexts of one session have the same request', () => {
    const session = testSession();
    expect(testContext(session).request).toBe(testContext(session).request);
  });

  it('is an HTTP context with request and response', () => {
    const context = testContext(testSession(), { request: { user: { name: 'ada' }, params: { id: '7' } } });
    expect(context.getType()).toBe('http');
    expect(context.switchToHttp().getRequest()).toBe(context.request);
    expect(context.switchToHttp().getResponse()).toBe(context.response);
    expect(context.getArgByIndex(0)).toBe(context.request);
    expect(context.request).toMatchObject({
      method: 'GET',
      url: '/',
      user: { name: 'ada' },
      params: { id: '7' },
    });
  });

  it('gives the metadata of the handler and of the controller', () => {
    class Controller {
      @SetMetadata('roles', ['editor'])
      edit() {}
    }
    SetMetadata('area', 'back office')(Controller);
    const context = testContext(testSession(), {
      handler: Controller.prototype.edit,
      controller: Controller,
    });
    const reflector = new Reflector();
    expect(reflector.get('roles', context.getHandler())).toEqual(['editor']);
    expect(reflector.get('area', context.getClass())).toBe('back office');
  });

  it('regenerate(callback) replaces the session of the request', async () => {
    const session = testSession({}, { userId: 'ada' });
    const context = testContext(session);
    await new Promise<void>(resolve => session.regenerate(() => resolve()));
    const next = await getSession(context);
    expect(next).not.toBe(session);
    expect(next.loggedInAs).toBeUndefined();
  });

  it.each([{}, { cart: [] }])('refuses an object that testSession() did not make', object => {
    expect(() => testContext(object)).toThrow(/testSession/);
  });
});
