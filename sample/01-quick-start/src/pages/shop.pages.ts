import type { Person } from '../people.js';
import { findProduct, price, products, type Product } from '../products.js';
import type { Cart } from '../shop-session.js';
import { html, type Html } from './html.js';
import { fromNow } from './time-text.js';

export function shopPage(views: number, since: Date, person: Person | undefined): Html {
  const name = person ? `, ${person.name}` : '';
  return html`<section class="hero">
      <h1>${views === 1 ? 'Hello' : 'Hello again'}${name}!</h1>
      <p>
        ${
          views === 1
            ? html`This is your first visit. Reload the page, and it is the second.`
            : html`You have seen this page <strong>${views}</strong> times. The first was ${fromNow(since)}.`
        }
      </p>
    </section>
    <ul class="products">
      ${products.map(productCard)}
    </ul>`;
}

function productCard({ id, name, about, picture, pence }: Product): Html {
  return html`<li class="card">
    <span class="picture" aria-hidden="true">${picture}</span>
    <div class="grow">
      <h2>${name}</h2>
      <p>${about}</p>
    </div>
    <form method="post" action="/cart">
      <strong>${price(pence)}</strong>
      <button name="item" value="${id}" aria-label="Add ${name} to the cart">Add</button>
    </form>
  </li>`;
}

export function cartPage(cart: Cart): Html {
  const lines = Object.entries(cart).flatMap(([id, quantity]) => {
    const product = findProduct(id);
    return product ? [{ product, quantity }] : [];
  });
  if (lines.length === 0) {
    return html`<h1>Your cart</h1>
      <p>It is empty. <a href="/">There is tea.</a></p>`;
  }
  const total = lines.reduce((sum, { product, quantity }) => sum + product.pence * quantity, 0);
  return html`<h1>Your cart</h1>
    <ul class="rows">
      ${lines.map(({ product, quantity }) => cartLine(product, quantity))}
    </ul>
    <form class="total" method="post" action="/checkout">
      <span>Total <strong>${price(total)}</strong></span>
      <button>Order</button>
    </form>`;
}

function cartLine({ id, name, picture, pence }: Product, quantity: number): Html {
  return html`<li class="row">
    <span class="picture" aria-hidden="true">${picture}</span>
    <span class="grow">${name}<br /><small>${price(pence)} each</small></span>
    <form class="quantity" method="post" action="/cart/quantity">
      <input type="hidden" name="item" value="${id}" />
      <button class="quiet" name="by" value="-1" aria-label="One ${name} less">−</button>
      <output>${quantity}</output>
      <button class="quiet" name="by" value="1" aria-label="One ${name} more">+</button>
    </form>
    <strong class="sum">${price(pence * quantity)}</strong>
  </li>`;
}
