import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Samples, type RunningSample } from './running-sample.js';
import { Visitor } from './visitor.js';

describe.each(['01-quick-start', '02-fastify'])('the shop, sample %s', name => {
  let samples: Samples;
  let shop: RunningSample;
  beforeAll(async () => {
    samples = await Samples.copy();
    shop = await samples.start(name);
  });
  afterAll(() => samples.dispose());

  const visitor = (): Visitor => new Visitor(shop.url);
  async function signedIn(person: string): Promise<Visitor> {
    const somebody = visitor();
    await somebody.open('/sign-in');
    await somebody.press('Sign in', { person, password: 'any' });
    return somebody;
  }

  it('counts visits', async () => {
    const somebody = visitor();
    await somebody.open('/');
    expect(somebody.text).toContain('This is your first visit.');
    await somebody.open('/');
    await somebody.open('/');
    expect(somebody.text).toContain('You have seen this page 3 times. The first was just now.');
  });

  it('fills a cart by its forms, answers POST with a redirect, and shows a message once', async () => {
    const somebody = visitor();
    await somebody.open('/');
    expect((await somebody.press('Add Green tea to the cart')).status).toBe(303);
    expect(somebody.text).toContain('Green tea is in your cart.');
    await somebody.press('Add Green tea to the cart');
    await somebody.press('Add Honey to the cart');
    await somebody.open('/cart');
    await somebody.open('/cart');
    expect(somebody.text).not.toContain('is in your cart.');
    expect(somebody.text).toContain('Cart 3');
    expect(somebody.text).toContain('Total £20.70');
    await somebody.press('One Green tea less');
    await somebody.press('One Honey less');
    expect(somebody.text).toContain('Total £6.40');
    await somebody.press('One Green tea less');
    expect(somebody.text).toContain('It is empty.');
  });

  it('loses no item of twenty tabs that add one at the same time', async () => {
    const somebody = visitor();
    await somebody.open('/');
    const tabs = Array.from({ length: 20 }, () =>
      Object.assign(new Visitor(shop.url), { page: somebody.page }),
    );
    for (const tab of tabs) tab.cookies.set('sid', somebody.cookies.get('sid')!);
    await Promise.all(tabs.map(tab => tab.press('Add Candle to the cart')));
    await somebody.open('/cart');
    expect(somebody.text).toContain('Cart 20');
  });

  it('signs in under a new id and keeps the cart; an order is placed once; signing out ends it', async () => {
    const somebody = visitor();
    await somebody.open('/');
    await somebody.press('Add Honey to the cart');
    await somebody.open('/cart');
    const cartPage = somebody.page;
    const before = somebody.cookie;
    await somebody.press('Order');
    expect(somebody.text).toContain('Please sign in first.');
    await somebody.press('Sign in', { person: 'ada', password: 'any' });
    expect(somebody.cookie).not.toBe(before);
    expect(somebody.text).toContain('Welcome, Ada.'); // and the way back led to the cart
    expect(somebody.text).toContain('Total £7.90');
    await somebody.press('Order');
    expect(somebody.text).toContain('Your order is on its way.');
    await Object.assign(somebody, { page: cartPage }).press('Order');
    expect(somebody.text).not.toContain('Your order is on its way.');

    const stolen = somebody.cookie;
    await somebody.press('Sign out');
    expect(somebody.text).toContain('You are signed out.');
    const thief = visitor();
    await thief.get('/', { cookie: stolen }).then(answer => (thief.page = answer.text));
    expect(thief.text).toContain('Sign in');
    expect(thief.text).not.toContain('Sign out');
  });

  it('lists the devices of a user, and signs out one of them or all', async () => {
    const laptop = await signedIn('grace');
    const phone = await signedIn('grace');
    const tablet = await signedIn('grace');
    const alan = await signedIn('alan');
    await laptop.open('/devices');
    expect(laptop.text.match(/This device/g)).toHaveLength(1);
    expect(laptop.text.match(/Another place/g)).toHaveLength(2);

    await laptop.press('Sign out there');
    expect(laptop.text).toContain('Signed out there.');
    expect(laptop.text.match(/Another place/g)).toHaveLength(1);
    await laptop.press('Sign out everywhere else');
    expect(laptop.text).toContain('Signed out in one other place.');
    for (const other of [phone, tablet]) {
      await other.open('/devices');
      expect(other.text).toContain('Please sign in first.');
    }
    for (const stillThere of [laptop, alan]) {
      await stillThere.open('/devices');
      expect(stillThere.text).toContain('This device');
    }
  });

  it('a forged form cannot end the session of another user', async () => {
    const ada = await signedIn('ada');
    const grace = await signedIn('grace');
    const other = await signedIn('grace');
    await grace.open('/devices');
    const id = /name="id" value="([0-9a-f]{64})"/.exec(grace.page)![1]!;
    await ada.post('/devices/sign-out', new URLSearchParams({ id }));
    await ada.open('/devices');
    expect(ada.text).toContain('That one was signed out already.');
    await other.open('/devices');
    expect(other.text).toContain('This device');
  });

  it('escapes what visitors send, and lets no other site act', async () => {
    const somebody = visitor();
    await somebody.open('/sign-in');
    const evil = `<script>alert("x")</script><img src=x onerror='alert(1)'>`;
    const answer = await somebody.press('Sign in', { person: evil, password: 'any' });
    expect(somebody.text).toContain(`Nobody here is called “${evil}”.`);
    expect(somebody.page).not.toMatch(/<script|<img/);
    expect(answer.setCookies.join()).toMatch(/; HttpOnly; SameSite=Lax/);
    const { headers } = await somebody.get('/');
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*form-action 'self'/);
  });

  it('refuses what no form of it sends', async () => {
    const somebody = visitor();
    for (const [path, body] of [
      ['/cart', { item: '__proto__' }],
      ['/cart', {}],
      ['/cart/quantity', { item: 'tea', by: '1000' }],
    ] as const) {
      expect((await somebody.post(path, new URLSearchParams(body))).status).toBe(400);
    }
    expect(somebody.cookies.size).toBe(0);
  });

  it('a killed process loses nothing: cart, sign-in and visits are there after a restart', async () => {
    const ada = await signedIn('ada');
    await ada.open('/');
    await ada.press('Add Pot plant to the cart');
    await shop.kill();
    shop = await samples.start(name);
    const back = Object.assign(new Visitor(shop.url), { cookies: ada.cookies });
    await back.open('/cart');
    expect(back.text).toContain('Sign out');
    expect(back.text).toContain('Cart 1');
    expect(back.text).toContain('Total £12.50');
    await back.open('/');
    expect(back.text).toContain('You have seen this page 4 times');
    expect(shop.output()).not.toMatch(/error|warn/i);
  });
});
