/** What this shop keeps in a session. */
export interface ShopSession {
  views: number;
  since: Date;
  cart: Cart;
  /** Where to go on after signing in. */
  returnTo: string;
}

/** How many of each product, by its id. */
export type Cart = Readonly<Record<string, number>>;

export function countItems(cart: Cart): number {
  return Object.values(cart).reduce((sum, quantity) => sum + quantity, 0);
}
