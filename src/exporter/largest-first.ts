/** An item, which a `LargestFirst` finds without a map: the items come and go with requests, and so would its entries. */
export interface Ranked {
  /** Where a `LargestFirst` has it, or had it last. Any number at first. */
  rank: number;
}

/** Items with a weight each, of which the heaviest is always at hand. An item is in one of these at a time. */
export interface LargestFirst<T extends Ranked> {
  readonly size: number;
  /** Adds the item, or changes its weight. */
  set(item: T, weight: number): void;
  /** Takes the item out; one that is not in it is no error. */
  remove(item: T): void;
  /** The item of the greatest weight; of equal ones, any. `undefined` when there is none. */
  largest(): T | undefined;
}

interface Entry<T> {
  readonly item: T;
  weight: number;
}

/**
 * Creates an indexed binary heap: an item's weight changes in O(log n), the heaviest is found in O(1).
 *
 * An ordered list would do for tens of backends; with 10,000 of them, and their weights changing at
 * every span while memory is short, it would not.
 */
export function createLargestFirst<T extends Ranked>(): LargestFirst<T> {
  const heap: Entry<T>[] = [];

  function find(item: T): Entry<T> | undefined {
    const entry = heap[item.rank];
    return entry?.item === item ? entry : undefined;
  }

  function place(entry: Entry<T>, position: number): void {
    heap[position] = entry;
    entry.item.rank = position;
  }

  function rise(entry: Entry<T>, from: number): void {
    let position = from;
    while (position > 0) {
      const above = (position - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.weight >= entry.weight) break;
      place(parent, position);
      position = above;
    }
    place(entry, position);
  }

  function sink(entry: Entry<T>, from: number): void {
    let position = from;
    for (;;) {
      const left = 2 * position + 1;
      const right = left + 1;
      const heavier = weightAt(right) > weightAt(left) ? right : left;
      const child = heap[heavier];
      if (child === undefined || child.weight <= entry.weight) break;
      place(child, position);
      position = heavier;
    }
    place(entry, position);
  }

  function weightAt(position: number): number {
    return heap[position]?.weight ?? Number.NEGATIVE_INFINITY;
  }

  function move(entry: Entry<T>, position: number, before: number): void {
    if (entry.weight > before) {
      rise(entry, position);
    } else {
      sink(entry, position);
    }
  }

  return {
    get size() {
      return heap.length;
    },
    set(item, weight) {
      const entry = find(item);
      if (entry === undefined) {
        rise({ item, weight }, heap.length);
        return;
      }
      const before = entry.weight;
      entry.weight = weight;
      move(entry, item.rank, before);
    },
    remove(item) {
      if (find(item) === undefined) return;
      const position = item.rank;
      const last = heap.pop();
      const removed = heap[position];
      // Where the removed entry was the last one there is no gap to fill.
      if (last !== undefined && removed !== undefined) move(last, position, removed.weight);
    },
    largest() {
      return heap[0]?.item;
    },
  };
}
