import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const run = promisify(execFile);
const consumer = inject('consumer');

/** The same test in both module systems. Decorators are called as functions: nothing compiles it. */
const test = `
const { Controller, Get, Module } = nest;
const read = getSession;

class CartController {
  cart(session) { return { user: session.loggedInAs, cart: session.cart }; }
}
Session()(CartController.prototype, 'cart', 0);
Get('cart')(CartController.prototype, 'cart', Object.getOwnPropertyDescriptor(CartController.prototype, 'cart'));
Controller()(CartController);
class AppModule {}
Module({ imports: [SessionModule.forRoot('memory')], controllers: [CartController] })(AppModule);

describe('the testing kit', () => {
  it('signs a user in', async () => {
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    const app = module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    const { cookie } = await signIn(app, 'ada', { data: { cart: ['tea'] } });
    const answer = await fetch((await app.getUrl()) + '/cart', { headers: { cookie } });
    assert.deepEqual(await answer.json(), { user: 'ada', cart: ['tea'] });
    assert.deepEqual((await sessionOf(app, cookie)).data, { cart: ['tea'] });
    await app.close();
  });

  it('makes a session and a context without HTTP', async () => {
    const session = testSession({ cart: ['tea'] }, { userId: 'ada' });
    assert.deepEqual(new CartController().cart(session), { user: 'ada', cart: ['tea'] });
    assert.equal(await getSession(testContext(session)), session);
  });
});
`;

const names = {
  'node:assert/strict': 'assert',
  '@nestjs/common': 'nest',
};
const members = {
  'node:test': ['describe', 'it'],
  '@nestjs/testing': ['Test'],
  'nestjs-http-session': ['getSession', 'Session', 'SessionModule'],
  'nestjs-http-session/testing': ['sessionOf', 'signIn', 'testContext', 'testSession'],
};

const imports = [
  "import 'reflect-metadata';",
  "import assert from 'node:assert/strict';",
  "import * as nest from '@nestjs/common';",
  ...Object.entries(members).map(([from, list]) => `import { ${list.join(', ')} } from '${from}';`),
];
const requires = [
  "require('reflect-metadata');",
  ...Object.entries(names).map(([from, name]) => `const ${name} = require('${from}');`),
  ...Object.entries(members).map(([from, list]) => `const { ${list.join(', ')} } = require('${from}');`),
];

describe('nestjs-http-session/testing under node --test', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(consumer, 'node-test-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['ES modules', 'kit.test.mjs', imports],
    ['CommonJS', 'kit.test.cjs', requires],
  ])('works in %s', async (_, file, head) => {
    await writeFile(join(folder, file), head.join('\n') + test);
    // Vitest's own environment would tell node --test that it is a child of another run.
    const { NODE_TEST_CONTEXT: _context, VITEST: _vitest, NODE_OPTIONS: _options, ...env } = process.env;
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', file], {
      cwd: folder,
      env,
    });
    expect(stdout).toMatch(/^# pass 2$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  });
});
