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
    session.since ??= new Date(); // is a Date in later requests too
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
    // Atomic: if two tabs add an item at the same time, both items are in the cart.
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
    // Atomic too: if the button is clicked twice, one request gets the cart and the other finds none.
    const cart = await session.take('cart');
    if (cart && Object.keys(cart).length > 0) {
      session.flash('good', 'Thank you! Your order is on its way. (It is not: this is a sample.)');
    }
  }
}

function productOf(id: unknown): Product {
  const product = findProduct(id);
  if (!product) throw new BadRequestException('there is no such product');
  return product;
}

function changed(cart: Cart, { id }: Product, by: number): Cart {
  const { [id]: quantity = 0, ...others } = cart;
  const next = Math.min(quantity + by, MOST_OF_ONE);
  return next > 0 ? { ...others, [id]: next } : others;
}
