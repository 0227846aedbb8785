/** Longest key that is kept: what is longer is no name that comes again. */
export const MAX_KEY_LENGTH = 128;

/**
 * Creates a cache of what `make` returns for a string, with at most `maxEntries` in it.
 *
 * A full cache starts anew. The names in telemetry come from code, and are few; where an application makes
 * them from its data, none is worth more than another, and to keep count of their use would cost each span
 * more than it costs to make the useful ones again.
 */
export function createBoundedCache<T>(
  maxEntries: number,
  make: (key: string) => T,
): (key: string) => T {
  const entries = new Map<string, T>();
  return (key) => {
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = make(key);
      if (key.length > MAX_KEY_LENGTH) return entry;
      if (entries.size >= maxEntries) entries.clear();
      entries.set(key, entry);
    }
    return entry;
  };
}
