const plain = {};

/**
 * The object, or a copy of its own properties where others may be inherited: `for in`, which visits those
 * too, takes a third of the time of `Object.keys` and of asking for each property whose it is.
 */
export function withOwnOnly(
  object: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype === null) return object;
  if (prototype === Object.prototype) {
    let isPolluted = false;
    for (const _ in plain) isPolluted = true;
    if (!isPolluted) return object;
  }
  return Object.assign(Object.create(null), object);
}
