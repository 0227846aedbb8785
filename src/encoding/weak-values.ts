/**
 * Creates a collection that makes a value for each key, once, and keeps it no longer than others do: it has no bound,
 * since whoever uses a value has one.
 */
export function createWeakValues<T extends object>(): (key: string, make: () => T) => T {
  const values = new Map<string, WeakRef<T>>();
  const registry = new FinalizationRegistry<string>((key) => {
    // There may be another one under this key by now.
    if (values.get(key)?.deref() === undefined) values.delete(key);
  });
  return (key, make) => {
    let value = values.get(key)?.deref();
    if (value === undefined) {
      value = make();
      values.set(key, new WeakRef(value));
      registry.register(value, key);
    }
    return value;
  };
}
