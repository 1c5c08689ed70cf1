import { sessionStoreCases } from 'nestjs-http-session/testing';
import { describe, it } from 'vitest';
import { MySessionStore } from '../src/my-session.store.js';

describe('MySessionStore', () => {
  const cases = sessionStoreCases({ create: () => new MySessionStore(), abilities: ['index', 'prune'] });

  for (const { name, run } of cases) it(name, run);
});
