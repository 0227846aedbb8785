/** A backend's API key, which may change while the process runs. */
export interface ApiKey {
  /** What the next request is to be sent with; `undefined` where no key is to be had now. Never rejects. */
  get(): Promise<string | undefined>;
  /**
   * The backend has refused a request with this key: sees whether there is another. Resolves once there is, at once
   * where there is by now, and never where none comes.
   */
  refused(key: string): Promise<void>;
  /** Ends all work on it. */
  close(): void;
}

/** The key that is in force, and those who wait for another. */
export interface KeyInForce {
  readonly key: string | undefined;
  /** Puts a key in force; that which is in force already changes nothing. */
  replace(key: string): void;
  /** Resolves once another key than this one is in force. */
  otherThan(key: string): Promise<void>;
}

/**
 * Creates what keeps the key in force.
 *
 * @param onKey - Told of every key before it is used.
 */
export function createKeyInForce(
  first: string | undefined,
  onKey: (key: string) => void,
): KeyInForce {
  let current = first;
  let tell = () => {};
  let told: Promise<void> | undefined;

  return {
    get key() {
      return current;
    },
    replace(key) {
      if (key === current) return;
      onKey(key);
      current = key;
      told = undefined;
      tell();
    },
    otherThan(key) {
      if (key !== current) return Promise.resolve();
      // One for all who wait: many batches may be refused with one key.
      told ??= new Promise((resolve) => {
        tell = resolve;
      });
      return told;
    },
  };
}
