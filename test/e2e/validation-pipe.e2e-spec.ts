import { Body, Controller, Get, HttpCode, Post, ValidationPipe, type INestApplication } from '@nestjs/common';
import { IsString, Length } from 'class-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../lib/index.js';
import { platforms } from '../support/platforms.js';
import { startApp, type RunningApp } from '../support/start-app.js';

interface Shop {
  cart?: string[];
  since?: Date;
}

class Item {
  @IsString()
  @Length(1, 10)
  name!: string;
}

@Controller()
class ShopController {
  @Post('cart')
  @HttpCode(200)
  add(@Session() session: Session<Shop>, @Body() item: Item) {
    session.since ??= new Date(0);
    session.cart = [...(session.cart ?? []), item.name];
    return { isItem: item instanceof Item };
  }

  @Get('cart')
  cart(@Session('cart') cart: string[] = [], @Session('since') since?: Date) {
    return { cart, isDate: since instanceof Date };
  }
}

// Compilers do not agree on the type that they emit for `@Session() session: Session<Shop>`. tsc says Object; SWC and
// Vite, which compiles these tests, name the decorator, because it shares its name with the type.
type ShopSession = Session<Shop>;

@Controller()
class TscController {
  @Post('cart')
  @HttpCode(200)
  add(@Session() session: ShopSession, @Body() item: Item) {
    session.since ??= new Date(0);
    session.cart = [...(session.cart ?? []), item.name];
    return { isItem: item instanceof Item };
  }

  @Get('cart')
  cart(@Session('cart') cart: string[] = [], @Session('since') since?: Date) {
    return { cart, isDate: since instanceof Date };
  }
}

const settings = [
  { transform: true },
  { transform: true, whitelist: true, forbidNonWhitelisted: true },
  { whitelist: true },
];
const matrix = platforms.flatMap(platform =>
  settings.flatMap(setting => [
    { platform, setting, controller: ShopController },
    { platform, setting, controller: TscController },
    { platform, setting: { ...setting, validateCustomDecorators: true }, controller: ShopController },
    { platform, setting: { ...setting, validateCustomDecorators: true }, controller: TscController },
  ]),
);

describe.each(matrix)('with ValidationPipe($setting) on $platform.name, $controller.name', cell => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startApp({
      platform: cell.platform,
      backend: { type: 'memory' },
      controllers: [cell.controller],
      configure: (app: INestApplication) => void app.useGlobalPipes(new ValidationPipe(cell.setting)),
    });
  });
  afterAll(() => running.close());

  it('the session and its values go through the pipe as they are, and bodies are validated', async () => {
    const browser = running.browser();
    const isItem = cell.setting.transform === true;
    expect((await browser.post('/cart', { name: 'tea' })).json()).toEqual({ isItem });
    expect((await browser.post('/cart', { name: 'milk' })).status).toBe(200);
    expect((await browser.post('/cart', { name: '' })).status).toBe(400);
    expect((await browser.get('/cart')).json()).toEqual({ cart: ['tea', 'milk'], isDate: true });
    expect((await running.browser().get('/cart')).json()).toEqual({ cart: [], isDate: false });
  });
});
