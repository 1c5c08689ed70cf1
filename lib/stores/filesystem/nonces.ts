import { randomHex } from '../../crypto/random.js';

/** Marks that nobody else writes: what a writer finds its own entries by. */
export class Nonces {
  #writer: string | undefined;
  #count = 0;

  next(): string {
    this.#writer ??= randomHex(8);
    return `${this.#writer}${(++this.#count).toString(36)}`;
  }
}
