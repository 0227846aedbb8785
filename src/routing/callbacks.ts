/** Those who wait for one value. */
export interface Callbacks<T> {
  add(callback: (value: T) => void): void;
  /** Calls all of them, in the order in which they were added; one that throws is reported, and stops no other. */
  call(value: T): void;
}

/** Starts with nobody who waits. */
export function createCallbacks<T>(onThrow: (error: unknown) => void): Callbacks<T> {
  const callbacks: ((value: T) => void)[] = [];
  return {
    add: (callback) => callbacks.push(callback),
    call(value) {
      for (const callback of callbacks) {
        try {
          callback(value);
        } catch (error) {
          onThrow(error);
        }
      }
    },
  };
}
