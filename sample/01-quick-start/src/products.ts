export interface Product {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  readonly picture: string;
  readonly pence: number;
}

export const products: readonly Product[] = [
  { id: 'tea', name: 'Green tea', about: 'Loose leaves, spring harvest', picture: '🍵', pence: 640 },
  { id: 'croissant', name: 'Croissant', about: 'Baked this morning', picture: '🥐', pence: 220 },
  { id: 'honey', name: 'Honey', about: 'From the roof next door', picture: '🍯', pence: 790 },
  { id: 'plant', name: 'Pot plant', about: 'Forgives everything', picture: '🪴', pence: 1250 },
  { id: 'candle', name: 'Candle', about: 'Beeswax, eight hours', picture: '🕯️', pence: 480 },
  { id: 'notebook', name: 'Notebook', about: 'Squared, 96 pages', picture: '📓', pence: 550 },
];

export function findProduct(id: unknown): Product | undefined {
  return products.find(product => product.id === id);
}

export function price(pence: number): string {
  return `£${(pence / 100).toFixed(2)}`;
}
