import type { Run } from '../run.js';

/** Which route keys an exporter's spans have, by their sequence numbers. */
export interface KeyTrail {
  /** @param sequence - Greater than any before. */
  note(sequence: number, key: string | undefined): void;
  /** The keys of the spans of these runs, each once. */
  keysOf(runs: readonly Run[]): string[];
}

/** How many changes of the key are kept before those of settled spans are looked for. */
const MIN_LENGTH = 1024;

/**
 * Creates a trail, which remembers where the key changes and not the key of every span: to be of another
 * key than the span before costs two entries in lists, to be of the same one comparison.
 *
 * @param oldestHeld - Sequence number of the oldest span that may still be asked for.
 */
export function createKeyTrail(oldestHeld: () => number): KeyTrail {
  return new OwnKeyTrail(oldestHeld);
}

/** A class for the reason that the queue is one: `accept` meets many. */
class OwnKeyTrail implements KeyTrail {
  readonly #oldestHeld: () => number;
  /** Of the first span after each change. */
  #sequences: number[] = [];
  #keys: (string | undefined)[] = [];
  #last: string | undefined;
  #pruneAt = MIN_LENGTH;

  constructor(oldestHeld: () => number) {
    this.#oldestHeld = oldestHeld;
  }

  note(sequence: number, key: string | undefined): void {
    if (key === this.#last) return;
    this.#last = key;
    this.#sequences.push(sequence);
    this.#keys.push(key);
    if (this.#keys.length >= this.#pruneAt) this.#prune();
  }

  keysOf(runs: readonly Run[]): string[] {
    const keys = new Set<string>();
    for (const { sequence, from, to } of runs) {
      const end = sequence + to - from;
      const first = Math.max(0, this.#indexAt(sequence));
      for (let index = first; (this.#sequences[index] ?? end) < end; index += 1) {
        const key = this.#keys[index];
        if (key !== undefined) keys.add(key);
      }
    }
    return [...keys];
  }

  /** Index of the last change at or before a sequence number; -1 before the first. */
  #indexAt(sequence: number): number {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sequences[middle] ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #prune(): void {
    const first = this.#indexAt(this.#oldestHeld());
    if (first > 0) {
      this.#sequences = this.#sequences.slice(first);
      this.#keys = this.#keys.slice(first);
    }
    // Again when it has doubled, so that what is not settled yet is not searched time and again.
    this.#pruneAt = Math.max(MIN_LENGTH, 2 * this.#keys.length);
  }
}
