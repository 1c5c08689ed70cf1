import { BadRequestException, Body, Controller, Post, Redirect } from '@nestjs/common';
import { Session } from 'nestjs-http-session';
import { Layout } from './pages/layout.js';
import { Page } from './pages/page.js';
import { cartPage, shopPage } from './pages/shop.pages.js';
import { findPerson } from './people.js';
import { findProduct, type Product } from './products.js';
import type { Cart, ShopSession } from './shop-session.js';
import { SignInNeeded } from './signed-in.guard.js';

const MOST_OF_ONE = 99;

@Controller()
export class ShopController {
  constructor(private readonly layout: Layout) {}

  @Page('/')
  shop(@Session() session: Session<ShopSession>) {
    session.views = (session.views ?? 0) + 1;
    session.since ??= new Date(); // comes back as a Date
    return this.layout.render('Shop', shopPage(session.views, session.since, findPerson(session.loggedInAs)));
  }

  @Page('cart')
  cart(@Session('cart') cart: Cart = {}) {
    return this.layout.render('Your cart', cartPage(cart));
  }

  @Post('cart')
  @Redirect('/', 303)
  async add(@Session() session: Session<ShopSession>, @Body('item') item: unknown) {
    const product = productOf(item);
    // Atomic: with two tabs adding at the same time, both items are in the cart.
    await session.update('cart', (cart = {}) => changed(cart, product, 1));
    session.flash('good', `${product.name} is in your cart.`);
  }

  @Post('cart/quantity')
  @Redirect('/cart', 303)
  async change(
    @Session() session: Session<ShopSession>,
    @Body('item') item: unknown,
    @Body('by') by: unknown,
  ) {
    const product = productOf(item);
    if (by !== '1' && by !== '-1') throw new BadRequestException('by is 1 or -1');
    await session.update('cart', (cart = {}) => changed(cart, product, Number(by)));
  }

  @Post('checkout')
  @Redirect('/cart', 303)
  async checkOut(@Session() session: Session<ShopSession>) {
    if (session.loggedInAs === undefined) throw new SignInNeeded('/cart');
    // Atomic, too: of two clicks on the button one gets the cart, and the other finds none.
    const cart = await session.take('cart');
    if (cart) session.flash('good', 'Thank you! Your order is on its way. (It is not: this is a sample.)');
  }
}

function productOf(id: unknown): Product {
  const product = findProduct(id);
  if (!product) throw new BadRequestException('there is no such product');
  return product;
}

function changed(cart: Cart, { id }: Product, by: number): Cart | undefined {
  const { [id]: quantity = 0, ...others } = cart;
  const next = Math.min(quantity + by, MOST_OF_ONE);
  if (next > 0) return { ...cart, [id]: next };
  return Object.keys(others).length > 0 ? others : undefined; // undefined removes the cart
}
