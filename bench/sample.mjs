// The contents of the sessions.

/** About 0.3 KB as JSON. */
export const sample = () => ({
  views: 1_000_000,
  user: { id: 'b3f9c2d4-6f0e-4c57-9a0b-2f6f7f1f6d11', name: 'Ada Lovelace', roles: ['reader', 'editor'] },
  cart: [
    { sku: 'A-100-200', quantity: 2, price: 1999 },
    { sku: 'B-300-400', quantity: 1, price: 4950 },
  ],
  csrf: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  locale: 'en-GB',
});

/** This many keys with about 1 KB each, as JSON. */
export const keys = count =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`key${i}`, [sample(), sample(), { ...sample(), i }]]),
  );
