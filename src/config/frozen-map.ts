/** A map that can not be changed: `Object.freeze` alone does not stop `set`. */
export function frozenMap<K, V>(entries: Iterable<readonly [K, V]>): ReadonlyMap<K, V> {
  return Object.freeze(Object.assign(new Map(entries), refusing));
}

function refuse(): never {
  throw new TypeError('The configuration is frozen');
}

/** The same for all, so that maps of the same entries are deeply equal. */
const refusing = { set: refuse, delete: refuse, clear: refuse };
