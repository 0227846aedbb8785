import type { Named } from './messages.js';

/** Counts values, and knows those with the highest counts. */
export interface Tally {
  /** Counts `value` once more. Returns the string that was counted first, so that equal ones are kept once. */
  add(value: string): string;
  remove(value: string): void;
  /** The `limit` most frequent. */
  top(limit: number): Named[];
}

/** Creates an empty tally. */
export function createTally(): Tally {
  const counts = new Map<string, { readonly name: string; spans: number }>();
  return {
    add(value) {
      const entry = counts.get(value);
      if (entry === undefined) {
        counts.set(value, { name: value, spans: 1 });
        return value;
      }
      entry.spans += 1;
      return entry.name;
    },
    remove(value) {
      const entry = counts.get(value);
      if (entry === undefined) return;
      entry.spans -= 1;
      if (entry.spans === 0) counts.delete(value);
    },
    top(limit) {
      // Not a sort of all: each of 100,000 spans may have a value of its own.
      const best: Named[] = [];
      if (limit === 0) return best;
      for (const { name, spans } of counts.values()) {
        const last = best.at(-1);
        if (best.length === limit && last !== undefined && spans <= last.spans) continue;
        const place = best.findLastIndex((other) => other.spans >= spans) + 1;
        best.splice(place, 0, { name, spans });
        if (best.length > limit) best.pop();
      }
      return best;
    },
  };
}
