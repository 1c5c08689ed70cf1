/** The keys that this shop keeps in a session. */
export interface ShopSession {
  views: number;
  since: Date;
  cart: Cart;
  /** The path to redirect to after the sign-in. */
  returnTo: string;
}

/** The quantity of each product, by the product's id. */
export type Cart = Readonly<Record<string, number>>;

export function countItems(cart: Cart): number {
  return Object.values(cart).reduce((sum, quantity) => sum + quantity, 0);
}
