import { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { App } from 'supertest/types';
import { SessionStore } from 'nestjs-http-session';
import { MemorySessionStore } from 'nestjs-http-session/stores/memory';
import { AppModule } from '../src/app.module';

describe('the session of a CommonJS application under Jest', () => {
  let app: INestApplication<App>;

  beforeAll(async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = module.createNestApplication();
    await app.init();
  });
  afterAll(() => app.close());

  it('counts one visitor, and another apart', async () => {
    const ann = request.agent(app.getHttpServer());
    const first = await ann.get('/views').expect(200);
    expect(first.body.views).toBe(1);
    expect(first.headers['set-cookie']).toHaveLength(1);
    const second = await ann.get('/views').expect(200);
    expect(second.body).toEqual({ views: 2, since: first.body.since });
    await request(app.getHttpServer())
      .get('/views')
      .expect(200)
      .expect(({ body }) => expect(body.views).toBe(1));
  });

  it('gives the sub-path and the root the same store contract', () => {
    expect(new MemorySessionStore()).toBeInstanceOf(SessionStore);
    expect(app.get(SessionStore)).toBeInstanceOf(SessionStore);
  });
});
