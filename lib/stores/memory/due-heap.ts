/** Something that lapses at a moment. Only the heap writes these two once it was added. */
export interface Due {
  /** When it lapses, ms since the epoch. */
  dueAt: number;
  /** Where it is in the heap, so that it can be moved and taken out. */
  place: number;
}

/**
 * A binary heap of things by the moment they lapse. What is usual is cheap: what is new or was moved lapses last, so
 * adding it moves nothing.
 */
export class DueHeap<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The one that is due first. */
  first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  remove(item: T): void {
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#settle(last, item.place);
  }

  /** Gives an item that is in the heap another moment. */
  move(item: T, dueAt: number): void {
    item.dueAt = dueAt;
    this.#settle(item, item.place);
  }

  #settle(item: T, place: number): void {
    this.#rise(item, place);
    if (item.place === place) this.#sink(item, place);
  }

  #rise(item: T, from: number): void {
    let place = from;
    while (place > 0) {
      const up = (place - 1) >> 1;
      const parent = this.#items[up];
      if (parent === undefined || parent.dueAt <= item.dueAt) break;
      this.#put(parent, place);
      place = up;
    }
    this.#put(item, place);
  }

  #sink(item: T, from: number): void {
    let place = from;
    for (;;) {
      const left = this.#items[2 * place + 1];
      const right = this.#items[2 * place + 2];
      const child = right !== undefined && left !== undefined && right.dueAt < left.dueAt ? right : left;
      if (child === undefined || child.dueAt >= item.dueAt) break;
      const down = child.place;
      this.#put(child, place);
      place = down;
    }
    this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
