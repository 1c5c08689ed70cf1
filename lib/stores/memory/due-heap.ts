/** An item that is due at a moment. Once it is in a heap, only the heap may write these fields. */
export interface Due {
  /** When the item is due, in milliseconds since the epoch. */
  dueAt: number;
  /** The position of the item in the heap, so that it can be moved and removed. */
  place: number;
}

/**
 * A binary heap of items, ordered by the moment they are due. A new or moved item is usually due last. Adding such an
 * item moves no other one.
 */
export class DueHeap<T extends Due> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The item that is due first. */
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

  /** Changes the moment of an item that is in the heap. */
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
