/** Items with a weight each, of which the heaviest is always at hand. */
export interface LargestFirst<T extends object> {
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
export function createLargestFirst<T extends object>(): LargestFirst<T> {
  const heap: Entry<T>[] = [];
  const positions = new Map<T, number>();

  function place(entry: Entry<T>, position: number): void {
    heap[position] = entry;
    positions.set(entry.item, position);
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
      const position = positions.get(item);
      const entry = position === undefined ? undefined : heap[position];
      if (position === undefined || entry === undefined) {
        rise({ item, weight }, heap.length);
        return;
      }
      const before = entry.weight;
      entry.weight = weight;
      move(entry, position, before);
    },
    remove(item) {
      const position = positions.get(item);
      if (position === undefined) return;
      positions.delete(item);
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
