import type { Run } from './run.js';

/** Which route keys an exporter's spans have, by their sequence numbers. */
export interface KeyTrail {
  /** @param sequence - Greater than any before. */
  note(sequence: number, key: string | undefined): void;
  /** The key of a span that is held. */
  keyAt(sequence: number): string | undefined;
  /** The keys of the spans of these runs, each once. */
  keysOf(runs: readonly Run[]): string[];
}

/** How many changes of the key are kept before those of settled spans are looked for. */
const MIN_LENGTH = 1024;

/** Spans that may still be asked for: their first sequence number, and the one behind their last. */
export type HeldRange = readonly [from: number, end: number];

/**
 * Creates a trail, which remembers where the key changes and not the key of every span: to be of another
 * key than the span before costs two entries in lists, to be of the same one comparison.
 *
 * It is bounded by what is held, and not by how long: one batch that waits for minutes keeps the keys of its own spans,
 * and of none that have come and gone meanwhile.
 *
 * @param heldRanges - What is held, in any order.
 */
export function createKeyTrail(heldRanges: () => HeldRange[]): KeyTrail {
  return new OwnKeyTrail(heldRanges);
}

/** The spans that are still to be accepted: they are of the last key, until it changes. */
const TO_COME: HeldRange = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];

/** A class for the reason that the queue is one: `accept` meets many. */
class OwnKeyTrail implements KeyTrail {
  readonly #heldRanges: () => HeldRange[];
  /** Of the first span after each change. */
  #sequences: number[] = [];
  #keys: (string | undefined)[] = [];
  #last: string | undefined;
  #pruneAt = MIN_LENGTH;

  constructor(heldRanges: () => HeldRange[]) {
    this.#heldRanges = heldRanges;
  }

  note(sequence: number, key: string | undefined): void {
    if (key === this.#last) return;
    this.#last = key;
    this.#sequences.push(sequence);
    this.#keys.push(key);
    if (this.#keys.length >= this.#pruneAt) this.#prune();
  }

  keyAt(sequence: number): string | undefined {
    return this.#keys[this.#indexAt(sequence)];
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
    const sequences: number[] = [];
    const keys: (string | undefined)[] = [];
    const held = this.#heldRanges().sort(([one], [other]) => one - other);
    let next = 0;
    for (const [from, end] of [...held, TO_COME]) {
      let index = Math.max(next, this.#indexAt(from));
      for (; (this.#sequences[index] ?? end) < end; index += 1) {
        sequences.push(this.#sequences[index] ?? 0);
        keys.push(this.#keys[index]);
        next = index + 1;
      }
    }
    this.#sequences = sequences;
    this.#keys = keys;
    // Again when it has doubled, so that what is not settled yet is not searched time and again.
    this.#pruneAt = Math.max(MIN_LENGTH, 2 * this.#keys.length);
  }
}
